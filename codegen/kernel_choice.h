/* kernel_choice.h: what the lowerings of convolutions, products and attention may do in more than one way. */
#ifndef SDC_KERNEL_CHOICE_H
#define SDC_KERNEL_CHOICE_H

#include "bf16_pack.h"
#include "choice.h"
#include "conv_pack.h"
#include "winograd_plan.h"

/* What tells convolutions apart beside their shape. */
typedef struct {
    DType image, weights, more;     /* more: of the shortcut's image */
    bool normalises;
    int64_t more_c;                 /* channels of the shortcut's image; 0: none */
} ConvKind;

const char *conv_site(const ConvShape *s, const ConvKind *kind);

/* winograd_plan(), or what was chosen for the site; outputs 0: not that. */
WinogradPlan choose_winograd(const Lowering *l, const char *site, const ConvShape *s, int64_t more_c, int rate);

/* Panels of a unit of conv.h and of conv_bf16.h. */
void choose_panels(const Lowering *l, const char *site, const ConvShape *s, ConvPlan *plan);
void choose_panels_bf16(const Lowering *l, const char *site, const ConvShape *s, Bf16Plan *plan);

/* c is a call of gemm.h or gemm_bf16.h, of attention.h or attention_bf16.h, with all parameters but those of choices, EXTRAS
 * and what follows them; those that are not the template's are added. */
void choose_product(const Lowering *l, Call *c);
void choose_attention(const Lowering *l, Call *c);

#endif
