/* pick.h: PICK(n, a, b, c, ...) is argument n of a list that a macro holds, so that a test case is one line. */
#ifndef SDC_TESTS_PICK_H
#define SDC_TESTS_PICK_H

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define PICK(n, ...) PICK_(n, __VA_ARGS__)
#define PICK_(n, ...) PICK_##n(__VA_ARGS__, )
#define PICK_0(a, ...) a
#define PICK_1(a, b, ...) b
#define PICK_2(a, b, c, ...) c
#define PICK_3(a, b, c, d, ...) d
#define PICK_4(a, b, c, d, e, ...) e
#define PICK_5(a, b, c, d, e, f, ...) f
#define PICK_6(a, b, c, d, e, f, g, ...) g
#define PICK_7(a, b, c, d, e, f, g, ...) PICK_0(__VA_ARGS__)
#define PICK_8(a, b, c, d, e, f, g, ...) PICK_1(__VA_ARGS__)
#define PICK_9(a, b, c, d, e, f, g, ...) PICK_2(__VA_ARGS__)
#define PICK_10(a, b, c, d, e, f, g, ...) PICK_3(__VA_ARGS__)
#define PICK_11(a, b, c, d, e, f, g, ...) PICK_4(__VA_ARGS__)
#define PICK_12(a, b, c, d, e, f, g, ...) PICK_5(__VA_ARGS__)
#define PICK_13(a, b, c, d, e, f, g, ...) PICK_6(__VA_ARGS__)
#define PICK_14(a, b, c, d, e, f, g, ...) PICK_7(__VA_ARGS__)
#define PICK_15(a, b, c, d, e, f, g, ...) PICK_8(__VA_ARGS__)
#define PICK_16(a, b, c, d, e, f, g, ...) PICK_9(__VA_ARGS__)

#endif
