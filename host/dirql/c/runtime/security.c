/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Security identifiers, lists of access and descriptors in a driver's memory, as [MS-DTYP] section 2.4 lays them out.
 */
#include <ntifs.h>

#include <string.h>

#define MOST_AUTHORITIES 15
#define DACL_PRESENT 0x4
#define DACL_DEFAULTED 0x8
#define OWNER_DEFAULTED 0x1
#define GROUP_DEFAULTED 0x2
#define SELF_RELATIVE 0x8000

ULONG RtlLengthRequiredSid(ULONG SubAuthorityCount)
{
    return (ULONG)offsetof(SID, SubAuthority) + SubAuthorityCount * (ULONG)sizeof(ULONG);
}

NTSTATUS RtlInitializeSid(PSID Sid, PSID_IDENTIFIER_AUTHORITY IdentifierAuthority, UCHAR SubAuthorityCount)
{
    PISID sid = (PISID)Sid;

    if (SubAuthorityCount > MOST_AUTHORITIES) {
        return STATUS_INVALID_PARAMETER;
    }
    sid->Revision = 1;
    sid->SubAuthorityCount = SubAuthorityCount;
    sid->IdentifierAuthority = *IdentifierAuthority;
    return STATUS_SUCCESS;
}

PULONG RtlSubAuthoritySid(PSID Sid, ULONG SubAuthority)
{
    return &((PISID)Sid)->SubAuthority[SubAuthority];
}

PUCHAR RtlSubAuthorityCountSid(PSID Sid)
{
    return &((PISID)Sid)->SubAuthorityCount;
}

ULONG RtlLengthSid(PSID Sid)
{
    return RtlLengthRequiredSid(((PISID)Sid)->SubAuthorityCount);
}

BOOLEAN RtlValidSid(PSID Sid)
{
    PISID sid = (PISID)Sid;

    return sid != NULL && sid->Revision == 1 && sid->SubAuthorityCount <= MOST_AUTHORITIES;
}

BOOLEAN RtlEqualSid(PSID Sid1, PSID Sid2)
{
    return RtlLengthSid(Sid1) == RtlLengthSid(Sid2) && memcmp(Sid1, Sid2, RtlLengthSid(Sid1)) == 0;
}

NTSTATUS RtlCopySid(ULONG DestinationSidLength, PSID DestinationSid, PSID SourceSid)
{
    if (RtlLengthSid(SourceSid) > DestinationSidLength) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    memmove(DestinationSid, SourceSid, RtlLengthSid(SourceSid));
    return STATUS_SUCCESS;
}

NTSTATUS RtlCreateAcl(PACL Acl, ULONG AclLength, ULONG AclRevision)
{
    if (AclLength < sizeof(ACL)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (AclRevision < ACL_REVISION || AclRevision > ACL_REVISION4 || AclLength > MAXUSHORT) {
        return STATUS_INVALID_PARAMETER;
    }
    memset(Acl, 0, sizeof *Acl);
    Acl->AclRevision = (UCHAR)AclRevision;
    Acl->AclSize = (USHORT)(AclLength & ~3U);
    return STATUS_SUCCESS;
}

/* The end of the first `count` entries; NULL if they do not lie in the list. */
static PUCHAR end_of(PACL list, ULONG count)
{
    PUCHAR place = (PUCHAR)(list + 1);

    for (; count > 0; count--) {
        if (place + sizeof(ACE_HEADER) > (PUCHAR)list + list->AclSize) {
            return NULL;
        }
        place += ((PACE_HEADER)place)->AceSize;
    }
    return place > (PUCHAR)list + list->AclSize ? NULL : place;
}

NTSTATUS RtlAddAccessAllowedAceEx(PACL Acl, ULONG AceRevision, ULONG AceFlags, ACCESS_MASK AccessMask, PSID Sid)
{
    PACCESS_ALLOWED_ACE entry = (PACCESS_ALLOWED_ACE)end_of(Acl, Acl->AceCount);
    ULONG size = (ULONG)offsetof(ACCESS_ALLOWED_ACE, SidStart) + RtlLengthSid(Sid);

    if (!RtlValidSid(Sid)) {
        return STATUS_INVALID_SID;
    }
    if (entry == NULL) {
        return STATUS_INVALID_ACL;
    }
    if (AceRevision > Acl->AclRevision) {
        Acl->AclRevision = (UCHAR)AceRevision;
    }
    if ((PUCHAR)entry + size > (PUCHAR)Acl + Acl->AclSize) {
        return STATUS_ALLOTTED_SPACE_EXCEEDED;
    }
    entry->Header.AceType = 0;
    entry->Header.AceFlags = (UCHAR)AceFlags;
    entry->Header.AceSize = (USHORT)size;
    entry->Mask = AccessMask;
    memcpy(&entry->SidStart, Sid, RtlLengthSid(Sid));
    Acl->AceCount++;
    return STATUS_SUCCESS;
}

NTSTATUS RtlAddAccessAllowedAce(PACL Acl, ULONG AceRevision, ACCESS_MASK AccessMask, PSID Sid)
{
    return RtlAddAccessAllowedAceEx(Acl, AceRevision, 0, AccessMask, Sid);
}

NTSTATUS RtlGetAce(PACL Acl, ULONG AceIndex, PVOID *Ace)
{
    if (AceIndex >= Acl->AceCount || end_of(Acl, AceIndex + 1) == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    *Ace = end_of(Acl, AceIndex);
    return STATUS_SUCCESS;
}

NTSTATUS RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Revision)
{
    if (Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    memset(SecurityDescriptor, 0, sizeof(SECURITY_DESCRIPTOR));
    ((PISECURITY_DESCRIPTOR)SecurityDescriptor)->Revision = SECURITY_DESCRIPTOR_REVISION;
    return STATUS_SUCCESS;
}

BOOLEAN RtlValidSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    PISECURITY_DESCRIPTOR descriptor = SecurityDescriptor;

    return descriptor != NULL && descriptor->Revision == SECURITY_DESCRIPTOR_REVISION &&
           ((descriptor->Control & SELF_RELATIVE) || descriptor->Owner == NULL || RtlValidSid(descriptor->Owner));
}

ULONG RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    PISECURITY_DESCRIPTOR descriptor = SecurityDescriptor;
    ULONG size = sizeof *descriptor;

    size += descriptor->Owner == NULL ? 0 : (RtlLengthSid(descriptor->Owner) + 3) & ~3U;
    size += descriptor->Group == NULL ? 0 : (RtlLengthSid(descriptor->Group) + 3) & ~3U;
    size += descriptor->Dacl == NULL ? 0 : (descriptor->Dacl->AclSize + 3U) & ~3U;
    return size + (descriptor->Sacl == NULL ? 0 : (descriptor->Sacl->AclSize + 3U) & ~3U);
}

static void mark(PISECURITY_DESCRIPTOR descriptor, USHORT bit, BOOLEAN on)
{
    descriptor->Control = (USHORT)(on ? descriptor->Control | bit : descriptor->Control & ~bit);
}

NTSTATUS RtlSetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, BOOLEAN DaclPresent, PACL Dacl,
                                      BOOLEAN DaclDefaulted)
{
    PISECURITY_DESCRIPTOR descriptor = SecurityDescriptor;

    if (descriptor->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    if (descriptor->Control & SELF_RELATIVE) {
        return STATUS_INVALID_SECURITY_DESCR;
    }
    mark(descriptor, DACL_PRESENT, DaclPresent);
    mark(descriptor, DACL_DEFAULTED, DaclPresent && DaclDefaulted);
    descriptor->Dacl = DaclPresent ? Dacl : NULL;
    return STATUS_SUCCESS;
}

NTSTATUS RtlGetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PBOOLEAN DaclPresent, PACL *Dacl,
                                      PBOOLEAN DaclDefaulted)
{
    PISECURITY_DESCRIPTOR descriptor = SecurityDescriptor;

    if (descriptor->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    *DaclPresent = (descriptor->Control & DACL_PRESENT) != 0;
    if (*DaclPresent) {
        *Dacl = descriptor->Dacl;
        *DaclDefaulted = (descriptor->Control & DACL_DEFAULTED) != 0;
    }
    return STATUS_SUCCESS;
}

NTSTATUS RtlSetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID Owner, BOOLEAN OwnerDefaulted)
{
    PISECURITY_DESCRIPTOR descriptor = SecurityDescriptor;

    descriptor->Owner = Owner;
    mark(descriptor, OWNER_DEFAULTED, OwnerDefaulted);
    return STATUS_SUCCESS;
}

NTSTATUS RtlSetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID Group, BOOLEAN GroupDefaulted)
{
    PISECURITY_DESCRIPTOR descriptor = SecurityDescriptor;

    descriptor->Group = Group;
    mark(descriptor, GROUP_DEFAULTED, GroupDefaulted);
    return STATUS_SUCCESS;
}
