untrusted comment: signature of a test
RUTF4hqxyfYCLRtcPn/ojZYGdt4/2243TjdjnMWGUk27hWtA6sk3mMIdBWtr663sw5Yt5G1aRTJDGE+zVvw7FBnIb/PrpNZSVgQ=
trusted comment: opampd package=otelcol-lean version=0.150.0 os=linux arch=amd64 index=12 floor=10 expires=2026-12-01T00:00:00Z
8PEaPzXAkL5ZxpQHTA6kyXy6QzuAAPPwmnq/lOjjsm5GZWD2EDUIQHEYqJz8DSL2ictDu0OJdO1N1Ub29NsWAg==
