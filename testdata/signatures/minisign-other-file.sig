untrusted comment: signature of a test
RUTF4hqxyfYCLQRMBztf6Le2rQG8R54yE7kV8NbUg6hLLy0UxDILGKKw0xx9EsIDRXYrMKpFFt2qSeDn4smepAP04qAwus7srgA=
trusted comment: opampd package=otelcol-lean version=0.150.0 os=linux arch=amd64 index=15 floor=10 expires=2026-12-01T00:00:00Z
ZqxpMt+eSzBl/wn0oFye1r7UuV4ocvN95vQcd2pfrTvwwswmWBWPqHBVqrXO+JYonEtLM8zUs9XnAeqUQ6fIDQ==
