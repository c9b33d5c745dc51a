/* call.c: building kernel calls: operands in the order of the kernel's C parameters, and its #defines. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lower.h"

Call *call_append(Lowering *l, CallKind kind, Node *n)
{
    Call *c = alloc(sizeof *c);
    *c = (Call){.kind = kind, .node = n, .note = "", .reuse_of = -1, .reuse_by = -1, .trip_count = -1};
    *(l->block->last ? &l->block->last->next : &l->block->first) = c;
    l->block->last = c;
    l->program->n_calls++;
    return c;
}

Call *call_kernel(Lowering *l, Node *n, const char *kernel)
{
    Call *c = call_append(l, CALL_KERNEL, n);
    c->kernel = kernel;
    return c;
}

static void operand_add(Call *c, View v, OperandMode mode)
{
    if (c->n_operands == c->operands_room) {
        c->operands_room = c->operands_room ? 2 * c->operands_room : 4;
        c->operands = alloc_more(c->operands, c->n_operands, c->operands_room, sizeof *c->operands);
    }
    c->operands[c->n_operands++] = (Operand){v, mode};
}

void call_write(Call *c, View v) { operand_add(c, v, OPERAND_WRITE); }
void call_read(Call *c, View v) { operand_add(c, v, OPERAND_READ); }
void call_update(Call *c, View v) { operand_add(c, v, OPERAND_UPDATE); }
void call_absent(Call *c, DType dtype, OperandMode mode) { operand_add(c, (View){.dtype = dtype}, mode); }

void call_text(Call *c, const char *name, const char *value)
{
    if (c->n_parameters == c->parameters_room) {
        c->parameters_room = c->parameters_room ? 2 * c->parameters_room : 16;
        c->parameters = alloc_more(c->parameters, c->n_parameters, c->parameters_room, sizeof *c->parameters);
    }
    c->parameters[c->n_parameters++] = (Parameter){text_copy(name), text_copy(value)};
}

int64_t call_parameter(const Call *c, const char *name, int64_t otherwise)
{
    for (int k = 0; k < c->n_parameters; k++)
        if (!strcmp(c->parameters[k].name, name))
            return strtoll(c->parameters[k].value, NULL, 10);
    return otherwise;
}

void call_int(Call *c, const char *name, int64_t value)
{
    if (value == INT64_MIN)
        call_text(c, name, "(-9223372036854775807 - 1)");
    else
        call_text(c, name, text_format(value < 0 ? "(%lld)" : "%lld", (long long)value));
}

const char *float_text(double value)
{
    if (isnan(value))
        return "(0.0 / 0.0)";
    if (isinf(value))
        return value < 0 ? "(-1.0 / 0.0)" : "(1.0 / 0.0)";
    return text_format(value < 0 || signbit(value) ? "(%#.17g)" : "%#.17g", value);
}

void call_float(Call *c, const char *name, double value)
{
    call_text(c, name, float_text(value));
}

void call_type(Call *c, const char *name, DType dtype)
{
    call_text(c, name, dtype_info(dtype)->name);
}

void call_stored(Call *c, const char *name, const View *v)
{
    if (v->dtype != DT_F32)
        call_type(c, name, v->dtype);
}

void call_dims(Call *c, const char *name, int count, const int64_t *v)
{
    char *list = count ? "" : "0";
    for (int k = 0; k < count; k++)
        list = text_format("%s%s%lld", list, k ? ", " : "", (long long)v[k]);
    call_text(c, name, list);
}

void call_note(Call *c, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *p = text; *p; p++)               /* a model's string must not end the comment it is printed in */
        if (*p < ' ' || *p > '~' || (*p == '/' && p > text && p[-1] == '*'))
            *p = '?';
    c->note = text_copy(text);
}

void call_reuse(Call *c, int result, int input)
{
    c->reuse_by = result;
    c->reuse_of = input;
}
