{
  "payloadType": "application/vnd.opampd.release.v1+json",
  "payload": "eyJ0eXBlIjoib3BhbXBkLnJlbGVhc2UudjEiLCJwYWNrYWdlIjoib3RlbGNvbC1sZWFuIiwidmVyc2lvbiI6IjAuMTUwLjAiLCJvcyI6ImxpbnV4IiwiYXJjaCI6ImFtZDY0Iiwic2hhMjU2IjoiMGI5MmIzYjA4YTJlYjViNmM3OGQ5NTI5YzQzMjdkMmU1MjU0NzE4YWM1ZmI1MjUzMDY0ZTIxY2EwMTE5MDhhMSIsInNpemUiOjY2MCwiaW5kZXgiOjEyLCJmbG9vciI6MTAsIm5vdF9iZWZvcmUiOiIyMDI2LTA1LTAxVDAwOjAwOjAwWiIsImV4cGlyZXMiOiIyMDI2LTEyLTAxVDAwOjAwOjAwWiIsImRvd25ncmFkZSI6eyJmcm9tX21pbiI6MTQsImZyb21fbWF4IjoxNCwiZXhwaXJlcyI6IjIwMjYtMDgtMDFUMDA6MDA6MDBaIiwiZmxlZXQiOiJlZGdlIn19",
  "signatures": [
    {
      "keyid": "fd110d301d2f077d",
      "sig": "8pCU/mf0Lq3+jDBUMBpFGzYcoXev5vnhU3Iw1OkNEVnvJDLfj3jC7nJv0rWX4sODWk5OplRq/RNSRabjKRpRBQ=="
    }
  ]
}
