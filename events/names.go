package events

import "fmt"

// nameOf returns the name of a constant, and something readable for a number that
// is none: it may come from shared memory.
func nameOf(kind string, names []string, n uint8) string {
	if int(n) < len(names) {
		return names[n]
	}
	return fmt.Sprintf("%s(%d)", kind, n)
}

// Direction is which way something goes, as seen from this host.
type Direction uint8

// The directions.
const (
	Inbound Direction = iota + 1
	Outbound
)

func (d Direction) String() string {
	return nameOf("direction", []string{"unspecified", "inbound", "outbound"}, uint8(d))
}

// Role is which side of a dialog this host is.
type Role uint8

// The roles.
const (
	RoleUAC Role = iota + 1 // sent the request that made the dialog
	RoleUAS                 // received it
)

func (r Role) String() string { return nameOf("role", []string{"unspecified", "uac", "uas"}, uint8(r)) }

// Transport is what SIP travels over.
type Transport uint8

// The transports of SIP.
const (
	TransportUDP Transport = iota + 1
	TransportTCP
	TransportTLS
	TransportWS  // WebSocket
	TransportWSS // WebSocket over TLS
)

func (t Transport) String() string {
	return nameOf("transport", []string{"unspecified", "UDP", "TCP", "TLS", "WS", "WSS"}, uint8(t))
}

// Method is the method of a SIP request, or of the request that a response
// answers.
type Method uint8

// The methods of SIP. Any other is MethodOther; the message has its name.
const (
	MethodOther Method = iota + 1
	MethodInvite
	MethodAck
	MethodBye
	MethodCancel
	MethodOptions
	MethodRegister
	MethodPrack
	MethodSubscribe
	MethodNotify
	MethodPublish
	MethodInfo
	MethodRefer
	MethodMessage
	MethodUpdate
)

var methodNames = []string{"unspecified", "other", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK",
	"SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "REFER", "MESSAGE", "UPDATE"}

func (m Method) String() string { return nameOf("method", methodNames, uint8(m)) }

// MethodOf returns the method of that name, as it is written in SIP: in capitals.
func MethodOf(name string) Method {
	for i, n := range methodNames {
		if n == name && Method(i) > MethodOther {
			return Method(i)
		}
	}
	return MethodOther
}

// Severity says how bad something is.
type Severity uint8

// The severities, of log lines and of the quality of media.
const (
	SeverityDebug Severity = iota + 1
	SeverityInfo
	SeverityWarning
	SeverityError
	SeverityCritical
)

func (s Severity) String() string {
	return nameOf("severity", []string{"unspecified", "debug", "info", "warning", "error", "critical"}, uint8(s))
}
