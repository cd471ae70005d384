untrusted comment: signature of a test
RWTF4hqxyfYCLfB0HWk9R/6Rv+RJfrJG6af1Mur9+g32lDjm854sjvxpgKiNHOp9xJHqrruukSYWWPAikFuB5vosR9OsZIvYkQo=
trusted comment: opampd package=otelcol-lean version=0.150.0 os=linux arch=amd64 index=15 floor=10 expires=2026-12-01T00:00:00Z
0c50QnSciu9hywg9kSHmDSE0YRpK04F8NCQ2G4t349rdVVyR/zFm2pUhZ9M4Aehznyy2ScpbyXkgHsIkK+prCA==
