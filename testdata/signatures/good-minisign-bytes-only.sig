untrusted comment: signature of a test
RUTF4hqxyfYCLRtcPn/ojZYGdt4/2243TjdjnMWGUk27hWtA6sk3mMIdBWtr663sw5Yt5G1aRTJDGE+zVvw7FBnIb/PrpNZSVgQ=
trusted comment: timestamp:1780000000 file:release.bin hashed
BtB9is1WjrIdkczehrB3VBStWda+Wlfto/jSZDMxOR+qj1O2//glQbicqQawx4WLPhTD/GGdlewQRmZg004vDg==
