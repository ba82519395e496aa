#include "textflag.h"

// func write(p unsafe.Pointer, bytes int)
TEXT ·write(SB), NOSPLIT, $0-16
	MOVD p+0(FP), R0
	MOVD bytes+8(FP), R1
	ADD  R0, R1, R1

next:
	PRFM (R0), PSTL1KEEP
	ADD  $64, R0, R0
	CMP  R1, R0
	BLT  next
	RET

// func read(mem unsafe.Pointer, slots *uint32, n int, mask uint32, size, bytes int)
TEXT ·read(SB), NOSPLIT, $0-48
	MOVD mem+0(FP), R0
	MOVD slots+8(FP), R1
	MOVD n+16(FP), R2
	MOVWU mask+24(FP), R6
	MOVD size+32(FP), R3
	MOVD bytes+40(FP), R4

next:
	MOVWU (R1), R5
	AND  R6, R5, R5
	MUL  R3, R5, R5
	ADD  R0, R5, R5
	ADD  R4, R5, R7

line:
	PRFM (R5), PLDL1KEEP
	ADD  $64, R5, R5
	CMP  R7, R5
	BLT  line
	ADD  $4, R1, R1
	SUB  $1, R2, R2
	CBNZ R2, next
	RET

// func line(p unsafe.Pointer)
TEXT ·line(SB), NOSPLIT, $0-8
	MOVD p+0(FP), R0
	PRFM (R0), PLDL1KEEP
	RET
