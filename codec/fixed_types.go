package codec

// String16 holds up to 14 bytes of text.
type String16 struct{ text[[14]byte] }

// String32 holds up to 30 bytes of text.
type String32 struct{ text[[30]byte] }

// String48 holds up to 46 bytes of text: a prefix and a UUID, say.
type String48 struct{ text[[46]byte] }

// String64 holds up to 62 bytes of text.
type String64 struct{ text[[62]byte] }

// String128 holds up to 126 bytes of text.
type String128 struct{ text[[126]byte] }

// String256 holds up to 254 bytes of text.
type String256 struct{ text[[254]byte] }

// Bytes16 holds up to 14 bytes.
type Bytes16 struct{ blob[[14]byte] }

// Bytes32 holds up to 30 bytes.
type Bytes32 struct{ blob[[30]byte] }

// Bytes64 holds up to 62 bytes.
type Bytes64 struct{ blob[[62]byte] }

// Bytes128 holds up to 126 bytes.
type Bytes128 struct{ blob[[126]byte] }

// Bytes256 holds up to 254 bytes.
type Bytes256 struct{ blob[[254]byte] }
