/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Structured exceptions by the names that ReactOS has for them, whose sources do not use Microsoft's keywords. */

#ifndef DIRQL_CRT_PSEH2_H
#define DIRQL_CRT_PSEH2_H

#include <dirql_seh.h>

#define _SEH2_TRY __try
#define _SEH2_FINALLY __finally
#define _SEH2_EXCEPT(...) __except ((__VA_ARGS__))
#define _SEH2_END
#define _SEH2_GetExceptionCode() GetExceptionCode()
#define _SEH2_GetExceptionInformation() GetExceptionInformation()
#define _SEH2_AbnormalTermination() AbnormalTermination()
#define _SEH2_LEAVE __leave
#define _SEH2_YIELD(statement) statement
#define _SEH2_VOLATILE volatile

#endif
