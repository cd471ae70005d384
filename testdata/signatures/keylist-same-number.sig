{
  "payloadType": "application/vnd.opampd.release.v1+json",
  "payload": "eyJ0eXBlIjoib3BhbXBkLnJlbGVhc2UudjEiLCJwYWNrYWdlIjoib3RlbGNvbC1sZWFuIiwidmVyc2lvbiI6IjAuMTUwLjAiLCJvcyI6ImxpbnV4IiwiYXJjaCI6ImFtZDY0Iiwic2hhMjU2IjoiMGI5MmIzYjA4YTJlYjViNmM3OGQ5NTI5YzQzMjdkMmU1MjU0NzE4YWM1ZmI1MjUzMDY0ZTIxY2EwMTE5MDhhMSIsInNpemUiOjY2MCwiaW5kZXgiOjE1LCJmbG9vciI6MTAsIm5vdF9iZWZvcmUiOiIyMDI2LTA1LTAxVDAwOjAwOjAwWiIsImV4cGlyZXMiOiIyMDI2LTEyLTAxVDAwOjAwOjAwWiJ9",
  "signatures": [
    {
      "keyid": "fd110d301d2f077d",
      "sig": "xks8R5UlR5eR+JmC8SVbkeQ5JZ5Otzi8xWkG6gl6YyWWmEmAVOj8KHLfifG5FlC/qVyRDdtcshl5+unuMtVXDw=="
    }
  ],
  "keylist": {
    "payloadType": "application/vnd.opampd.keylist.v1+json",
    "payload": "eyJ0eXBlIjoib3BhbXBkLmtleWxpc3QudjEiLCJudW1iZXIiOjUsImtleXMiOlt7ImlkIjoicmVsZWFzZS0yMDI2IiwicHVibGljIjoiLS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS1cbk1Db3dCUVlESzJWd0F5RUFpb2RmL3g2emhGRlhlczFhL3VRRlJXVm8zWHlKNEpDR09nVlh2SHIwbnhjPVxuLS0tLS1FTkQgUFVCTElDIEtFWS0tLS0tXG4iLCJmcm9tX2luZGV4IjoxMH0seyJpZCI6InJlbGVhc2UtMjAyNSIsInB1YmxpYyI6Ii0tLS0tQkVHSU4gUFVCTElDIEtFWS0tLS0tXG5NQ293QlFZREsyVndBeUVBNmtwc1krS2NVZ3ErOVZCN0V5N0YrWlZIZHE2K3ZudVNRaDdxYVJSRzBpdz1cbi0tLS0tRU5EIFBVQkxJQyBLRVktLS0tLVxuIiwidW50aWxfaW5kZXgiOjl9XSwiZmxvb3IiOjEsImlzc3VlZCI6IjIwMjYtMDQtMDFUMDA6MDA6MDBaIn0=",
    "signatures": [
      {
        "keyid": "d016df3d83373617",
        "sig": "/i7LvwjQVRtefSSg5JDTP5jaJkqAvKI+wp2UcZOIfUqLGuRfvHFkIUfK1T6UDvYDkV7v/MN8KXrEtWqxUrAJCg=="
      }
    ]
  }
}
