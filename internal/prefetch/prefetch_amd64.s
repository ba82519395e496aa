#include "textflag.h"

// func write(p unsafe.Pointer, bytes int)
TEXT ·write(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ bytes+8(FP), BX
	ADDQ AX, BX

next:
	BYTE $0x0F; BYTE $0x0D; BYTE $0x08 // PREFETCHW [AX]; processors without it take it for a NOP
	ADDQ $64, AX
	CMPQ AX, BX
	JLT  next
	RET

// func read(mem unsafe.Pointer, slots *uint32, n int, mask uint32, size, bytes int)
TEXT ·read(SB), NOSPLIT, $0-48
	MOVQ mem+0(FP), AX
	MOVQ slots+8(FP), BX
	MOVQ n+16(FP), CX
	MOVL mask+24(FP), R8
	MOVQ size+32(FP), DX
	MOVQ bytes+40(FP), SI

next:
	MOVL (BX), DI
	ANDL R8, DI
	IMULQ DX, DI
	ADDQ AX, DI
	LEAQ (DI)(SI*1), R9

line:
	PREFETCHT0 (DI)
	ADDQ $64, DI
	CMPQ DI, R9
	JLT  line
	ADDQ $4, BX
	DECQ CX
	JNZ  next
	RET

// func line(p unsafe.Pointer)
TEXT ·line(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	PREFETCHT0 (AX)
	RET
