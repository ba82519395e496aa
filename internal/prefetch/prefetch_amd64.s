#include "textflag.h"

// func write(p unsafe.Pointer)
TEXT ·write(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	BYTE $0x0F; BYTE $0x0D; BYTE $0x08 // PREFETCHW [AX]; processors without it take it for a NOP
	RET

// func read(p unsafe.Pointer)
TEXT ·read(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	PREFETCHT0 (AX)
	RET
