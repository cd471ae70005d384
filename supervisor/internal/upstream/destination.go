package upstream

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/open-telemetry/opamp-go/protobufs"

	"opampd/supervisor/internal/effective"
)

// destination checks an offer of own telemetry and encodes it for the core. The
// endpoint is a full OTLP/HTTP URL (S-207); settings that the Collector's own
// telemetry cannot honour are refused rather than dropped in silence (S-210).
func destination(o *protobufs.TelemetryConnectionSettings) (string, error) {
	u, err := url.Parse(o.GetDestinationEndpoint())
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New("its destination_endpoint must be an http:// or https:// URL")
	}
	if o.GetCertificate() != nil || o.GetTls() != nil || o.GetProxy() != nil {
		return "", errors.New("it comes with a certificate, TLS or proxy settings, which are not supported for own telemetry yet")
	}
	headers := map[string]string{}
	for _, h := range o.GetHeaders().GetHeaders() {
		headers[h.GetKey()] = h.GetValue()
	}
	encoded, err := effective.EncodeDestination(effective.Destination{Endpoint: o.GetDestinationEndpoint(), Headers: headers})
	if err != nil {
		return "", fmt.Errorf("it cannot be stored: %w", err)
	}
	if len(encoded) > maxDestination {
		return "", fmt.Errorf("its URL and headers have %d bytes, at most %d are taken", len(encoded), maxDestination)
	}
	return encoded, nil
}
