untrusted comment: signature of a test
RUTF4hqxyfYCLRtcPn/ojZYGdt4/2243TjdjnMWGUk27hWtA6sk3mMIdBWtr663sw5Yt5G1aRTJDGE+zVvw7FBnIb/PrpNZSVgQ=
trusted comment: opampd package=otelcol-lean version=0.150.0 os=linux arch=amd64 index=15 floor=10 expires=2026-12-01T00:00:00Z
FZ3xDcrD8ivguoKocDzqf/yuCx7wI8ugv4FirRpFGUrA5EDSWhjgrQfCwksPgLPazPI/dcLNC8L8vxEnldpBAQ==


