untrusted comment: signature of a test
RUS26M7iab9pidtB8Mjn1Fxz3ehMVZqA00VPynKLJbbAtCitBb/j1ZbtwfDBm0VXYWcSb369g/aVLqCXrjWCmp5tKan7vu/WSQs=
trusted comment: opampd package=otelcol-lean version=0.150.0 os=linux arch=amd64 index=15 floor=10 expires=2026-12-01T00:00:00Z
TxgQ6wjRq0ZRuIyFERm3ZrGUZ054vfEKGQPTJxKLNn94aKI4ZtWgXykwZ7PftxUo/jb+m99epeDUCce2GYTlBg==
