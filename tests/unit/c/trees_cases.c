/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Generic tables of both kinds against a table of flags: each routine returns the line of the first step that went wrong,
 * or 0.
 */
#include <ntifs.h>
#include <stdlib.h>

#define NUMBERS 64

static UCHAR memory[NUMBERS][128];
static UCHAR used[NUMBERS];

static PVOID allocate(CLONG size)
{
    for (int each = 0; each < NUMBERS; each++) {
        if (!used[each] && size <= sizeof memory[each]) {
            used[each] = 1;
            return memory[each];
        }
    }
    return NULL;
}

static VOID release(PVOID buffer)
{
    used[((PUCHAR)buffer - memory[0]) / sizeof memory[0]] = 0;
}

static RTL_GENERIC_COMPARE_RESULTS order(const ULONG *first, const ULONG *second)
{
    return *first < *second ? GenericLessThan : *first > *second ? GenericGreaterThan : GenericEqual;
}

static RTL_GENERIC_COMPARE_RESULTS compare(PRTL_GENERIC_TABLE table, PVOID first, PVOID second)
{
    (void)table;
    return order(first, second);
}

static PVOID allocate_node(PRTL_GENERIC_TABLE table, CLONG size)
{
    (void)table;
    return allocate(size);
}

static VOID free_node(PRTL_GENERIC_TABLE table, PVOID buffer)
{
    (void)table;
    release(buffer);
}

static RTL_GENERIC_COMPARE_RESULTS compare_avl(PRTL_AVL_TABLE table, PVOID first, PVOID second)
{
    (void)table;
    return order(first, second);
}

static PVOID allocate_avl(PRTL_AVL_TABLE table, CLONG size)
{
    (void)table;
    return allocate(size);
}

static VOID free_avl(PRTL_AVL_TABLE table, PVOID buffer)
{
    (void)table;
    release(buffer);
}

/* The height of a balanced tree, or -1 if a node has a wrong parent or balance. */
static int height(PRTL_BALANCED_LINKS node, PRTL_BALANCED_LINKS parent)
{
    int left, right;

    if (node == NULL) {
        return 0;
    }
    left = height(node->LeftChild, node);
    right = height(node->RightChild, node);
    if (node->Parent != parent || left < 0 || right < 0 || node->Balance != right - left ||
        node->Balance < -1 || node->Balance > 1) {
        return -1;
    }
    return 1 + (left > right ? left : right);
}

#define CHECK(condition)                                                                                             \
    do {                                                                                                             \
        if (!(condition)) {                                                                                          \
            return __LINE__;                                                                                         \
        }                                                                                                            \
    } while (0)
#define STEPS(insert, delete, lookup, count, enumerate, shape)                                                       \
    for (int step = 0; step < 4000; step++) {                                                                        \
        ULONG number = (ULONG)rand() % NUMBERS;                                                                      \
        BOOLEAN is_new = 2;                                                                                          \
        ULONG *found;                                                                                                \
                                                                                                                     \
        if (rand() % 2 == 0) {                                                                                       \
            found = insert(&table, &number, sizeof number, &is_new);                                                 \
            CHECK(found != NULL && *found == number && is_new == !there[number]);                                    \
            total += !there[number];                                                                                 \
            there[number] = 1;                                                                                       \
        } else {                                                                                                     \
            CHECK(delete(&table, &number) == there[number]);                                                         \
            total -= there[number];                                                                                  \
            there[number] = 0;                                                                                       \
        }                                                                                                            \
        number = (ULONG)rand() % NUMBERS;                                                                            \
        found = lookup(&table, &number);                                                                             \
        CHECK((found != NULL) == there[number] && (found == NULL || *found == number));                              \
        CHECK(count(&table) == total && (shape));                                                                    \
        if (step % 64 == 0) {                                                                                        \
            ULONG next = 0;                                                                                          \
                                                                                                                     \
            for (found = enumerate(&table, TRUE); found != NULL; found = enumerate(&table, FALSE)) {                 \
                while (next < NUMBERS && !there[next]) {                                                             \
                    next++;                                                                                          \
                }                                                                                                    \
                CHECK(*found == next);                                                                               \
                next++;                                                                                              \
            }                                                                                                        \
            while (next < NUMBERS) {                                                                                 \
                CHECK(!there[next++]);                                                                               \
            }                                                                                                        \
        }                                                                                                            \
    }

int splay_table(unsigned int seed);
int splay_table(unsigned int seed)
{
    RTL_GENERIC_TABLE table;
    UCHAR there[NUMBERS] = {0};
    ULONG total = 0;

    srand(seed);
    memset(used, 0, sizeof used);
    RtlInitializeGenericTable(&table, compare, allocate_node, free_node, NULL);
    STEPS(RtlInsertElementGenericTable, RtlDeleteElementGenericTable, RtlLookupElementGenericTable,
          RtlNumberGenericTableElements, RtlEnumerateGenericTable, RtlIsGenericTableEmpty(&table) == (total == 0))
    return 0;
}

int balanced_table(unsigned int seed);
int balanced_table(unsigned int seed)
{
    RTL_AVL_TABLE table;
    UCHAR there[NUMBERS] = {0};
    ULONG total = 0;

    srand(seed);
    memset(used, 0, sizeof used);
    RtlInitializeGenericTableAvl(&table, compare_avl, allocate_avl, free_avl, NULL);
    STEPS(RtlInsertElementGenericTableAvl, RtlDeleteElementGenericTableAvl, RtlLookupElementGenericTableAvl,
          RtlNumberGenericTableElementsAvl, RtlEnumerateGenericTableAvl,
          height(table.BalancedRoot.RightChild, &table.BalancedRoot) == (int)table.DepthOfTree)
    return 0;
}

/* The order in which elements came is that of RtlGetElementGenericTable, whatever their values. */
int order_of_insertion(void);
int order_of_insertion(void)
{
    static const ULONG numbers[] = {5, 1, 9, 3};
    RTL_GENERIC_TABLE table;

    memset(used, 0, sizeof used);
    RtlInitializeGenericTable(&table, compare, allocate_node, free_node, NULL);
    for (ULONG each = 0; each < 4; each++) {
        RtlInsertElementGenericTable(&table, (PVOID)&numbers[each], sizeof(ULONG), NULL);
    }
    for (ULONG each = 0; each < 4; each++) {
        CHECK(*(ULONG *)RtlGetElementGenericTable(&table, each) == numbers[each]);
    }
    CHECK(RtlGetElementGenericTable(&table, 4) == NULL);
    return 0;
}
