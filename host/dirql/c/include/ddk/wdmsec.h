/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Devices with a security descriptor. */

#ifndef DIRQL_DDK_WDMSEC_H
#define DIRQL_DDK_WDMSEC_H

#include <wdm.h>

static const WCHAR dirql_sddl_kernel_only[] __attribute__((unused)) = L"D:P";
static const UNICODE_STRING SDDL_DEVOBJ_KERNEL_ONLY __attribute__((unused)) = {
    sizeof(dirql_sddl_kernel_only) - sizeof(WCHAR), sizeof(dirql_sddl_kernel_only), (PWCH)dirql_sddl_kernel_only};
static const WCHAR dirql_sddl_sys_all[] __attribute__((unused)) = L"D:P(A;;GA;;;SY)";
static const UNICODE_STRING SDDL_DEVOBJ_SYS_ALL __attribute__((unused)) = {
    sizeof(dirql_sddl_sys_all) - sizeof(WCHAR), sizeof(dirql_sddl_sys_all), (PWCH)dirql_sddl_sys_all};
static const WCHAR dirql_sddl_sys_all_adm_all[] __attribute__((unused)) = L"D:P(A;;GA;;;SY)(A;;GA;;;BA)";
static const UNICODE_STRING SDDL_DEVOBJ_SYS_ALL_ADM_ALL __attribute__((unused)) = {
    sizeof(dirql_sddl_sys_all_adm_all) - sizeof(WCHAR), sizeof(dirql_sddl_sys_all_adm_all), (PWCH)dirql_sddl_sys_all_adm_all};
static const WCHAR dirql_sddl_sys_all_adm_rx[] __attribute__((unused)) = L"D:P(A;;GA;;;SY)(A;;GRGX;;;BA)";
static const UNICODE_STRING SDDL_DEVOBJ_SYS_ALL_ADM_RX __attribute__((unused)) = {
    sizeof(dirql_sddl_sys_all_adm_rx) - sizeof(WCHAR), sizeof(dirql_sddl_sys_all_adm_rx), (PWCH)dirql_sddl_sys_all_adm_rx};
static const WCHAR dirql_sddl_sys_all_adm_rwx_world_r[] __attribute__((unused)) = L"D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GR;;;WD)";
static const UNICODE_STRING SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_R __attribute__((unused)) = {
    sizeof(dirql_sddl_sys_all_adm_rwx_world_r) - sizeof(WCHAR), sizeof(dirql_sddl_sys_all_adm_rwx_world_r), (PWCH)dirql_sddl_sys_all_adm_rwx_world_r};
static const WCHAR dirql_sddl_sys_all_adm_rwx_world_r_res_r[] __attribute__((unused)) = L"D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GR;;;WD)(A;;GR;;;RC)";
static const UNICODE_STRING SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_R_RES_R __attribute__((unused)) = {
    sizeof(dirql_sddl_sys_all_adm_rwx_world_r_res_r) - sizeof(WCHAR), sizeof(dirql_sddl_sys_all_adm_rwx_world_r_res_r), (PWCH)dirql_sddl_sys_all_adm_rwx_world_r_res_r};
static const WCHAR dirql_sddl_sys_all_adm_rwx_world_rw_res_r[] __attribute__((unused)) = L"D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GRGW;;;WD)(A;;GR;;;RC)";
static const UNICODE_STRING SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_RW_RES_R __attribute__((unused)) = {
    sizeof(dirql_sddl_sys_all_adm_rwx_world_rw_res_r) - sizeof(WCHAR), sizeof(dirql_sddl_sys_all_adm_rwx_world_rw_res_r), (PWCH)dirql_sddl_sys_all_adm_rwx_world_rw_res_r};
static const WCHAR dirql_sddl_sys_all_adm_rwx_world_rwx_res_rwx[] __attribute__((unused)) = L"D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GRGWGX;;;WD)(A;;GRGWGX;;;RC)";
static const UNICODE_STRING SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_RWX_RES_RWX __attribute__((unused)) = {
    sizeof(dirql_sddl_sys_all_adm_rwx_world_rwx_res_rwx) - sizeof(WCHAR), sizeof(dirql_sddl_sys_all_adm_rwx_world_rwx_res_rwx), (PWCH)dirql_sddl_sys_all_adm_rwx_world_rwx_res_rwx};
static const WCHAR dirql_sddl_inf_supplied[] __attribute__((unused)) = L"";
static const UNICODE_STRING SDDL_DEVOBJ_INF_SUPPLIED __attribute__((unused)) = {
    sizeof(dirql_sddl_inf_supplied) - sizeof(WCHAR), sizeof(dirql_sddl_inf_supplied), (PWCH)dirql_sddl_inf_supplied};

#endif
