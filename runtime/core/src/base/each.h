/* SPDX-License-Identifier: MIT */
/* EACH_n(M) is M(0) M(1) ... M(n - 1). */
#ifndef RNNE_EACH_H
#define RNNE_EACH_H

#define EACH_1(M) M(0)
#define EACH_2(M) EACH_1(M) M(1)
#define EACH_3(M) EACH_2(M) M(2)
#define EACH_4(M) EACH_3(M) M(3)
#define EACH_6(M) EACH_4(M) M(4) M(5)
#define EACH_8(M) EACH_6(M) M(6) M(7)
#define EACH_12(M) EACH_8(M) M(8) M(9) M(10) M(11)
#define EACH_16(M) EACH_12(M) M(12) M(13) M(14) M(15)

#endif
