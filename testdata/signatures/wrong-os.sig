{
  "payloadType": "application/vnd.opampd.release.v1+json",
  "payload": "eyJ0eXBlIjoib3BhbXBkLnJlbGVhc2UudjEiLCJwYWNrYWdlIjoib3RlbGNvbC1sZWFuIiwidmVyc2lvbiI6IjAuMTUwLjAiLCJvcyI6ImRhcndpbiIsImFyY2giOiJhbWQ2NCIsInNoYTI1NiI6IjBiOTJiM2IwOGEyZWI1YjZjNzhkOTUyOWM0MzI3ZDJlNTI1NDcxOGFjNWZiNTI1MzA2NGUyMWNhMDExOTA4YTEiLCJzaXplIjo2NjAsImluZGV4IjoxNSwiZmxvb3IiOjEwLCJub3RfYmVmb3JlIjoiMjAyNi0wNS0wMVQwMDowMDowMFoiLCJleHBpcmVzIjoiMjAyNi0xMi0wMVQwMDowMDowMFoifQ==",
  "signatures": [
    {
      "keyid": "fd110d301d2f077d",
      "sig": "5LMhWSF2zug3Fo0lkagQs+VSzxfqP8iYJNXu5vgwi/Z2o7KrAb6sm8MncrymzHbFHCzo7x6d4z9ZbxYbwMQlCA=="
    }
  ]
}
