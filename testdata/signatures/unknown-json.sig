{"signature": "AAAA"}
