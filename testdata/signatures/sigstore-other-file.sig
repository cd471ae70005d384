{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "digest": "4db0642ba395259ae55f77f76b7ed2b59ae140f71aabc54f33ef972bba0fcd2a"}
