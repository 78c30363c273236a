/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Who has a file open for what (SHARE_ACCESS). The driver holds a lock of its own around each of these.
 */
#include <wdm.h>

static void note_rights(PFILE_OBJECT file, ACCESS_MASK desired, ULONG share)
{
    file->ReadAccess = (desired & (FILE_READ_DATA | FILE_EXECUTE)) != 0;
    file->WriteAccess = (desired & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0;
    file->DeleteAccess = (desired & DELETE) != 0;
    if (file->ReadAccess || file->WriteAccess || file->DeleteAccess) {
        file->SharedRead = (share & FILE_SHARE_READ) != 0;
        file->SharedWrite = (share & FILE_SHARE_WRITE) != 0;
        file->SharedDelete = (share & FILE_SHARE_DELETE) != 0;
    }
}

static BOOLEAN counts(const FILE_OBJECT *file)
{
    return file->ReadAccess || file->WriteAccess || file->DeleteAccess;
}

VOID IoUpdateShareAccess(PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess)
{
    if (counts(FileObject)) {
        ShareAccess->OpenCount++;
        ShareAccess->Readers += FileObject->ReadAccess;
        ShareAccess->Writers += FileObject->WriteAccess;
        ShareAccess->Deleters += FileObject->DeleteAccess;
        ShareAccess->SharedRead += FileObject->SharedRead;
        ShareAccess->SharedWrite += FileObject->SharedWrite;
        ShareAccess->SharedDelete += FileObject->SharedDelete;
    }
}

VOID IoRemoveShareAccess(PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess)
{
    if (counts(FileObject)) {
        ShareAccess->OpenCount--;
        ShareAccess->Readers -= FileObject->ReadAccess;
        ShareAccess->Writers -= FileObject->WriteAccess;
        ShareAccess->Deleters -= FileObject->DeleteAccess;
        ShareAccess->SharedRead -= FileObject->SharedRead;
        ShareAccess->SharedWrite -= FileObject->SharedWrite;
        ShareAccess->SharedDelete -= FileObject->SharedDelete;
    }
}

VOID IoSetShareAccess(ACCESS_MASK DesiredAccess, ULONG DesiredShareAccess, PFILE_OBJECT FileObject,
                      PSHARE_ACCESS ShareAccess)
{
    note_rights(FileObject, DesiredAccess, DesiredShareAccess);
    RtlZeroMemory(ShareAccess, sizeof *ShareAccess);
    IoUpdateShareAccess(FileObject, ShareAccess);
}

NTSTATUS IoCheckShareAccess(ACCESS_MASK DesiredAccess, ULONG DesiredShareAccess, PFILE_OBJECT FileObject,
                            PSHARE_ACCESS ShareAccess, BOOLEAN Update)
{
    ULONG opens = ShareAccess->OpenCount;

    note_rights(FileObject, DesiredAccess, DesiredShareAccess);
    if (!counts(FileObject)) {
        return STATUS_SUCCESS;
    }
    /* Each right must be shared by all who have the file open, and each of their rights by the new file. */
    if ((FileObject->ReadAccess && ShareAccess->SharedRead < opens) ||
        (FileObject->WriteAccess && ShareAccess->SharedWrite < opens) ||
        (FileObject->DeleteAccess && ShareAccess->SharedDelete < opens) ||
        (ShareAccess->Readers != 0 && !FileObject->SharedRead) ||
        (ShareAccess->Writers != 0 && !FileObject->SharedWrite) ||
        (ShareAccess->Deleters != 0 && !FileObject->SharedDelete)) {
        return STATUS_SHARING_VIOLATION;
    }
    if (Update) {
        IoUpdateShareAccess(FileObject, ShareAccess);
    }
    return STATUS_SUCCESS;
}
