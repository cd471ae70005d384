{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "digest": "0b92b3b08a2eb5b6c78d9529c4327d2e5254718ac5fb5253064e21ca011908a1"}
