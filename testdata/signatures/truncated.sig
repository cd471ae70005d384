{
  "payloadType": "application/vnd.opampd.release.v1+json",
  "payload": "eyJ0eXBlIjoib3BhbXBkLnJlbGVhc2UudjEiLCJwYWNrYWdlIjoib3RlbGNvbC1sZWFuIiwidmVyc2lvbiI6IjAuMTUwLjAiLCJvcyI6ImxpbnV4IiwiYXJjaCI6ImFtZDY0Iiwic2hhMjU2IjoiMGI5MmIzYjA4YTJlYjViNmM3OGQ5NTI5YzQzMjdkMmU1MjU0NzE4YWM1ZmI1MjUzMDY0ZTIxY2EwMTE5MDhhMSIsInNpemUiOjY2MCwiaW5kZXgiOjE1LCJmbG9vciI6MTAsIm5vdF9iZWZvcmUiOiIyMDI2LTA1LTAxVDAwOjAwOjAwWiIsImV4cGlyZXMiOiIyMDI2LTEyLTAxVDAwOjAwOjAwWiJ9",
  "signatures": [
    {
      "keyid": "fd110d301d2f077d",
      "sig": "xks8R5UlR5eR+JmC8SVbkeQ5JZ5Otzi8xWkG6gl6YyWWmEmAVOj8KHLfifG5Fl