/* SPDX-License-Identifier: MIT */
/* machine.c - see machine.h: for x86-64, and for AArch64. */
#include "win32/machine.h"

#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>

#if defined(__x86_64__)

/* ------------------------------------------------------------- x86-64: jumps */

__asm__(
    ".text\n"
    ".globl acre_seh_mark\n"
    ".type acre_seh_mark, @function\n"
    ".globl acre__jump_mark\n"
    ".hidden acre__jump_mark\n"
    ".type acre__jump_mark, @function\n"
    "acre_seh_mark:\n"
    "acre__jump_mark:\n"
    "  endbr64\n"
    "  movq %rbx, (%rdi)\n"
    "  movq %rbp, 8(%rdi)\n"
    "  movq %r12, 16(%rdi)\n"
    "  movq %r13, 24(%rdi)\n"
    "  movq %r14, 32(%rdi)\n"
    "  movq %r15, 40(%rdi)\n"
    "  leaq 8(%rsp), %rax\n" /* as it is after the return */
    "  movq %rax, 48(%rdi)\n"
    "  movq (%rsp), %rax\n"
    "  movq %rax, 56(%rdi)\n"
    "  stmxcsr 64(%rdi)\n"
    "  fnstcw 68(%rdi)\n"
    "  xorl %eax, %eax\n"
    "  ret\n"
    ".size acre_seh_mark, . - acre_seh_mark\n"
    ".size acre__jump_mark, . - acre__jump_mark\n"
    ".globl acre__jump_to\n"
    ".hidden acre__jump_to\n"
    ".type acre__jump_to, @function\n"
    "acre__jump_to:\n"
    "  movq (%rdi), %rbx\n"
    "  movq 8(%rdi), %rbp\n"
    "  movq 16(%rdi), %r12\n"
    "  movq 24(%rdi), %r13\n"
    "  movq 32(%rdi), %r14\n"
    "  movq 40(%rdi), %r15\n"
    "  movq 48(%rdi), %rsp\n"
    "  ldmxcsr 64(%rdi)\n"
    "  fldcw 68(%rdi)\n"
    "  cld\n"
    "  movl %esi, %eax\n"
    "  jmpq *56(%rdi)\n"
    ".size acre__jump_to, . - acre__jump_to\n"
    ".globl acre__run_on\n"
    ".hidden acre__run_on\n"
    ".type acre__run_on, @function\n"
    "acre__run_on:\n"
    "  andq $-16, %rdi\n"
    "  movq %rdi, %rsp\n"
    "  xorl %ebp, %ebp\n"
    "  movq %rdx, %rdi\n"
    "  callq *%rsi\n"
    "  ud2\n"
    ".size acre__run_on, . - acre__run_on\n"
    ".hidden acre__signal_return\n"
    ".globl acre__signal_return\n"
    ".type acre__signal_return, @function\n"
    "acre__signal_return:\n" /* the kernel finds its record at the stack pointer: the return address is gone by then */
    "  movq %rdi, %rsp\n"
    "  movl $15, %eax\n"
    "  syscall\n"
    "  ud2\n"
    ".size acre__signal_return, . - acre__signal_return\n");

/* ------------------------------------------------------------- x86-64: states */

/*
 * The kernel's record: flags and link, the alternate stack, the registers, the signal
 * mask (8 bytes, of which the C library's type has more), and by pointer what FXSAVE or
 * XSAVE wrote. Its size stands in bytes that FXSAVE leaves to software (the kernel's
 * struct _fpx_sw_bytes): 464 magic, 468 size.
 */
enum { RECORD = offsetof(ucontext_t, uc_sigmask) + 8, VECTORS_AT = (RECORD + 63) & ~63 };
enum { FXSAVE = 512, SOFTWARE_MAGIC_AT = 464, SOFTWARE_SIZE_AT = 468 };

static size_t vectors_size(const ucontext_t *context) {
  const char *area = (const char *)context->uc_mcontext.fpregs;
  const uint32_t xsave_magic = 0x46505853;
  uint32_t magic, size;
  if (area == NULL) return 0;
  memcpy(&magic, area + SOFTWARE_MAGIC_AT, sizeof magic);
  memcpy(&size, area + SOFTWARE_SIZE_AT, sizeof size);
  return magic == xsave_magic && size > FXSAVE ? size : FXSAVE;
}

size_t acre__state_size(const void *context) {
  return VECTORS_AT + vectors_size(context);
}

void acre__state_save(void *state, const void *context) {
  ucontext_t *copy = state;
  memcpy(state, context, RECORD);
  size_t size = vectors_size(context);
  if (size == 0) return;
  void *vectors = (char *)state + VECTORS_AT;
  memcpy(vectors, ((const ucontext_t *)context)->uc_mcontext.fpregs, size);
  copy->uc_mcontext.fpregs = vectors;
}

uintptr_t acre__state_stack(const void *state) {
  return (uintptr_t)((const ucontext_t *)state)->uc_mcontext.gregs[REG_RSP];
}

uintptr_t acre__state_place(const void *state) {
  return (uintptr_t)((const ucontext_t *)state)->uc_mcontext.gregs[REG_RIP];
}

#define REGISTERS(each)                                                                                    \
  each(Rax, RAX) each(Rcx, RCX) each(Rdx, RDX) each(Rbx, RBX) each(Rsp, RSP) each(Rbp, RBP) each(Rsi, RSI) \
      each(Rdi, RDI) each(R8, R8) each(R9, R9) each(R10, R10) each(R11, R11) each(R12, R12) each(R13, R13) \
          each(R14, R14) each(R15, R15) each(Rip, RIP)

void acre__state_to_context(const void *state, CONTEXT *out) {
  const ucontext_t *record = state;
  const greg_t *registers = record->uc_mcontext.gregs;
  memset(out, 0, sizeof *out);
  out->ContextFlags = CONTEXT_FULL;
#define OUT_(field, name) out->field = (DWORD64)registers[REG_##name];
  REGISTERS(OUT_)
#undef OUT_
  out->EFlags = (DWORD)registers[REG_EFL];
  out->SegCs = (WORD)registers[REG_CSGSFS];
  if (record->uc_mcontext.fpregs != NULL) {
    memcpy(&out->FltSave, record->uc_mcontext.fpregs, sizeof out->FltSave);
    memset(out->FltSave.Reserved4, 0, sizeof out->FltSave.Reserved4);
    out->MxCsr = out->FltSave.MxCsr;
  }
}

void acre__state_from_context(void *state, const CONTEXT *context) {
  ucontext_t *record = state;
  greg_t *registers = record->uc_mcontext.gregs;
#define IN_(field, name) registers[REG_##name] = (greg_t)context->field;
  REGISTERS(IN_)
#undef IN_
  registers[REG_EFL] = (greg_t)context->EFlags;
  if (record->uc_mcontext.fpregs != NULL)
    memcpy(record->uc_mcontext.fpregs, &context->FltSave, offsetof(XMM_SAVE_AREA32, Reserved4));
}

void acre__jump_to_context(const struct acre__jump *jump, CONTEXT *out) {
  memset(out, 0, sizeof *out);
  out->ContextFlags = CONTEXT_CONTROL;
  out->ContextFlags |= CONTEXT_INTEGER;
  out->Rbx = jump->words[0];
  out->Rbp = jump->words[1];
  out->R12 = jump->words[2];
  out->R13 = jump->words[3];
  out->R14 = jump->words[4];
  out->R15 = jump->words[5];
  out->Rsp = jump->words[ACRE_JUMP_STACK];
  out->Rip = jump->words[ACRE_JUMP_PLACE];
}

#elif defined(__aarch64__)

/* ------------------------------------------------------------- AArch64: jumps */

__asm__(".text\n"
        ".globl acre_seh_mark\n"
        ".type acre_seh_mark, %function\n"
        ".globl acre__jump_mark\n"
        ".hidden acre__jump_mark\n"
        ".type acre__jump_mark, %function\n"
        "acre_seh_mark:\n"
        "acre__jump_mark:\n"
        "  hint #34\n" /* bti c */
        "  stp x19, x20, [x0, #0]\n"
        "  stp x21, x22, [x0, #16]\n"
        "  stp x23, x24, [x0, #32]\n"
        "  stp x25, x26, [x0, #48]\n"
        "  stp x27, x28, [x0, #64]\n"
        "  stp x29, x30, [x0, #80]\n"
        "  mov x9, sp\n"
        "  str x9, [x0, #96]\n"
        "  stp d8, d9, [x0, #104]\n"
        "  stp d10, d11, [x0, #120]\n"
        "  stp d12, d13, [x0, #136]\n"
        "  stp d14, d15, [x0, #152]\n"
        "  mrs x9, fpcr\n"
        "  str x9, [x0, #168]\n"
        "  mov w0, #0\n"
        "  ret\n"
        ".size acre_seh_mark, . - acre_seh_mark\n"
        ".size acre__jump_mark, . - acre__jump_mark\n"
        ".globl acre__jump_to\n"
        ".hidden acre__jump_to\n"
        ".type acre__jump_to, %function\n"
        "acre__jump_to:\n"
        "  ldp x19, x20, [x0, #0]\n"
        "  ldp x21, x22, [x0, #16]\n"
        "  ldp x23, x24, [x0, #32]\n"
        "  ldp x25, x26, [x0, #48]\n"
        "  ldp x27, x28, [x0, #64]\n"
        "  ldp x29, x30, [x0, #80]\n"
        "  ldr x9, [x0, #96]\n"
        "  mov sp, x9\n"
        "  ldp d8, d9, [x0, #104]\n"
        "  ldp d10, d11, [x0, #120]\n"
        "  ldp d12, d13, [x0, #136]\n"
        "  ldp d14, d15, [x0, #152]\n"
        "  ldr x9, [x0, #168]\n"
        "  msr fpcr, x9\n"
        "  mov w0, w1\n"
        "  ret\n"
        ".size acre__jump_to, . - acre__jump_to\n"
        ".globl acre__run_on\n"
        ".hidden acre__run_on\n"
        ".type acre__run_on, %function\n"
        "acre__run_on:\n"
        "  and x0, x0, #-16\n"
        "  mov sp, x0\n"
        "  mov x29, #0\n"
        "  mov x30, #0\n"
        "  mov x0, x2\n"
        "  blr x1\n"
        "  brk #1\n"
        ".size acre__run_on, . - acre__run_on\n"
        ".hidden acre__signal_return\n"
        ".globl acre__signal_return\n"
        ".type acre__signal_return, %function\n"
        "acre__signal_return:\n"
        "  mov sp, x0\n"
        "  mov x8, #139\n"
        "  svc #0\n"
        "  brk #1\n"
        ".size acre__signal_return, . - acre__signal_return\n");

/* ------------------------------------------------------------- AArch64: states */

/*
 * The kernel's record is a siginfo_t and then the context, whose last field holds the vector registers, as a
 * list of parts. (A part that did not fit there, as of a very wide SVE, is behind the record, and its list entry says where.)
 */
enum { RECORD_AT = 128 };

static const ucontext_t *record_of(const void *state) {
  return (const void *)((const char *)state + RECORD_AT);
}

size_t acre__state_size(const void *context) {
  (void)context;
  return RECORD_AT + sizeof(ucontext_t);
}

void acre__state_save(void *state, const void *context) {
  memset(state, 0, RECORD_AT);
  memcpy((char *)state + RECORD_AT, context, sizeof(ucontext_t));
}

uintptr_t acre__state_stack(const void *state) {
  return (uintptr_t)record_of(state)->uc_mcontext.sp;
}

uintptr_t acre__state_place(const void *state) {
  return (uintptr_t)record_of(state)->uc_mcontext.pc;
}

/* The part of the list with the 32 vector registers: magic, size, FPSR, FPCR, V0 to V31. NULL: there is none. */
static char *vectors_of(const void *state) {
  const uint32_t vectors_magic = 0x46508001;
  char *parts = (char *)(uintptr_t)record_of(state)->uc_mcontext.__reserved;
  uint32_t head[2];
  memcpy(head, parts, sizeof head);
  return head[0] == vectors_magic ? parts : NULL;
}

void acre__state_to_context(const void *state, CONTEXT *out) {
  const ucontext_t *record = record_of(state);
  memset(out, 0, sizeof *out);
  out->ContextFlags = CONTEXT_FULL;
  for (int i = 0; i < 31; i++) out->X[i] = record->uc_mcontext.regs[i];
  out->Sp = record->uc_mcontext.sp;
  out->Pc = record->uc_mcontext.pc;
  out->Cpsr = (DWORD)record->uc_mcontext.pstate;
  const char *vectors = vectors_of(state);
  if (vectors == NULL) return;
  memcpy(&out->Fpsr, vectors + 8, 4);
  memcpy(&out->Fpcr, vectors + 12, 4);
  memcpy(out->V, vectors + 16, sizeof out->V);
}

void acre__state_from_context(void *state, const CONTEXT *context) {
  ucontext_t *record = (ucontext_t *)(uintptr_t)record_of(state);
  for (int i = 0; i < 31; i++) record->uc_mcontext.regs[i] = context->X[i];
  record->uc_mcontext.sp = context->Sp;
  record->uc_mcontext.pc = context->Pc;
  char *vectors = vectors_of(state);
  if (vectors == NULL) return;
  memcpy(vectors + 8, &context->Fpsr, 4);
  memcpy(vectors + 12, &context->Fpcr, 4);
  memcpy(vectors + 16, context->V, sizeof context->V);
}

void acre__jump_to_context(const struct acre__jump *jump, CONTEXT *out) {
  memset(out, 0, sizeof *out);
  out->ContextFlags = CONTEXT_CONTROL;
  out->ContextFlags |= CONTEXT_INTEGER;
  for (int i = 0; i < 12; i++) out->X[19 + i] = jump->words[i];
  out->Sp = jump->words[ACRE_JUMP_STACK];
  out->Pc = jump->words[ACRE_JUMP_PLACE];
}

#endif

/* ------------------------------------------------------------- both */

_Noreturn void acre__signal_return(void *state);

void *acre__state_in_place(void *context) {
#if defined(__aarch64__)
  return (char *)context - RECORD_AT;
#else
  return context;
#endif
}

void acre__state_resume(void *state) {
  acre__signal_return(state);
}

void acre__state_set_mask(const void *state) {
#if defined(__aarch64__)
  state = record_of(state);
#endif
  sigset_t mask;
  sigemptyset(&mask);
  memcpy(&mask, &((const ucontext_t *)state)->uc_sigmask, 8); /* what the kernel has of it */
  sigprocmask(SIG_SETMASK, &mask, NULL);
}
