{
  "payloadType": "application/vnd.opampd.release.v1+json",
  "payload": "eyJtaW5fa2VybmVsIjogNiwidHlwZSI6Im9wYW1wZC5yZWxlYXNlLnYxIiwicGFja2FnZSI6Im90ZWxjb2wtbGVhbiIsInZlcnNpb24iOiIwLjE1MC4wIiwib3MiOiJsaW51eCIsImFyY2giOiJhbWQ2NCIsInNoYTI1NiI6IjBiOTJiM2IwOGEyZWI1YjZjNzhkOTUyOWM0MzI3ZDJlNTI1NDcxOGFjNWZiNTI1MzA2NGUyMWNhMDExOTA4YTEiLCJzaXplIjo2NjAsImluZGV4IjoxNSwiZmxvb3IiOjEwLCJub3RfYmVmb3JlIjoiMjAyNi0wNS0wMVQwMDowMDowMFoiLCJleHBpcmVzIjoiMjAyNi0xMi0wMVQwMDowMDowMFoifQ==",
  "signatures": [
    {
      "keyid": "fd110d301d2f077d",
      "sig": "k2/mJ2gqkcc3wp0EjYR8ksT2UCgX7LU3YA9AHQ3qsCQBN5ViVZRYtRQ7A8hAwaWzjyXjPcSXLjbcXJlc/0TXAg=="
    }
  ]
}
