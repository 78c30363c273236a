/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

#define BYTE_OFFSET(address) ((ULONG)((ULONG_PTR)(address) & (PAGE_SIZE - 1)))
#define PAGE_ALIGN(address) ((PVOID)((ULONG_PTR)(address) & ~(ULONG_PTR)(PAGE_SIZE - 1)))
#define BYTES_TO_PAGES(size) (((size) >> PAGE_SHIFT) + (((size) & (PAGE_SIZE - 1)) != 0))
#define ROUND_TO_PAGES(size) (((ULONG_PTR)(size) + PAGE_SIZE - 1) & ~(ULONG_PTR)(PAGE_SIZE - 1))
#define ADDRESS_AND_SIZE_TO_SPAN_PAGES(address, size)                                                                \
    ((ULONG)((BYTE_OFFSET(address) + (SIZE_T)(size) + PAGE_SIZE - 1) >> PAGE_SHIFT))

#define CTL_CODE(device, function, method, access)                                                                   \
    ((ULONG)(((device) << 16) | ((access) << 14) | ((function) << 2) | (method)))
#define DEVICE_TYPE_FROM_CTL_CODE(code) (((ULONG)((code) & 0xffff0000U)) >> 16)
#define METHOD_FROM_CTL_CODE(code) ((ULONG)((code) & 3))
