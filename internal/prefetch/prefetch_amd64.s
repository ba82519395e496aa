#include "textflag.h"

// func write(p, q unsafe.Pointer)
TEXT ·write(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ q+8(FP), BX
	BYTE $0x0F; BYTE $0x0D; BYTE $0x08 // PREFETCHW [AX]; processors without it take it for a NOP
	BYTE $0x0F; BYTE $0x0D; BYTE $0x0B // PREFETCHW [BX]
	RET

// func read(mem unsafe.Pointer, slots *uint32, n int, mask uint32, size, second int)
TEXT ·read(SB), NOSPLIT, $0-48
	MOVQ mem+0(FP), AX
	MOVQ slots+8(FP), BX
	MOVQ n+16(FP), CX
	MOVL mask+24(FP), R8
	MOVQ size+32(FP), DX
	MOVQ second+40(FP), SI
	ADDQ AX, SI

next:
	MOVL (BX), DI
	ANDL R8, DI
	IMULQ DX, DI
	PREFETCHT0 (AX)(DI*1)
	PREFETCHT0 (SI)(DI*1)
	ADDQ $4, BX
	DECQ CX
	JNZ  next
	RET

// func line(p unsafe.Pointer)
TEXT ·line(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	PREFETCHT0 (AX)
	RET
