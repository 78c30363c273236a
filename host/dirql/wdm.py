# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The WDK's names, for drivers: types, routines in their argument order, constants. A table, exempt from size limits.

Nothing here does anything: each name stands for a class, a function or a method of the rooms below, whose docstrings
say what it does and at which IRQL. What differs from C:

- out parameters are return values: a routine that returns NTSTATUS and fills pointers returns `(status, value, ...)`;
- NULL is None, an address is an int, a pool tag is `POOL_TAG("Name")`;
- a device extension is a class, which IoCreateDevice makes an object of;
- fields are in snake_case: `irp.io_status.information`;
- memory is reached with RtlReadMemory(address, length), RtlWriteMemory(address, data), RtlViewMemory(address, length),
  for which C has pointers.
"""

from __future__ import annotations

from dirql.hal.configuration import get_bus_data_by_offset as HalGetBusDataByOffset
from dirql.hal.configuration import set_bus_data_by_offset as HalSetBusDataByOffset
from dirql.hal.device_memory import map_io_space as MmMapIoSpace
from dirql.hal.device_memory import unmap_io_space as MmUnmapIoSpace
from dirql.hal.dma.adapter import DmaAdapter as DMA_ADAPTER
from dirql.hal.dma.description import DeviceDescription as DEVICE_DESCRIPTION
from dirql.hal.dma.map_registers import MapRegisters as MAP_REGISTERS
from dirql.hal.dma.operations import DmaOperations as DMA_OPERATIONS
from dirql.hal.dma.operations import get_dma_adapter as IoGetDmaAdapter
from dirql.hal.dma.scatter_gather import ScatterGatherElement as SCATTER_GATHER_ELEMENT
from dirql.hal.dma.scatter_gather import ScatterGatherList as SCATTER_GATHER_LIST
from dirql.hal.ports import (
    read_port_buffer_uchar as READ_PORT_BUFFER_UCHAR,
)
from dirql.hal.ports import (
    read_port_buffer_ulong as READ_PORT_BUFFER_ULONG,
)
from dirql.hal.ports import (
    read_port_buffer_ushort as READ_PORT_BUFFER_USHORT,
)
from dirql.hal.ports import (
    read_port_uchar as READ_PORT_UCHAR,
)
from dirql.hal.ports import (
    read_port_ulong as READ_PORT_ULONG,
)
from dirql.hal.ports import (
    read_port_ushort as READ_PORT_USHORT,
)
from dirql.hal.ports import (
    write_port_buffer_uchar as WRITE_PORT_BUFFER_UCHAR,
)
from dirql.hal.ports import (
    write_port_buffer_ulong as WRITE_PORT_BUFFER_ULONG,
)
from dirql.hal.ports import (
    write_port_buffer_ushort as WRITE_PORT_BUFFER_USHORT,
)
from dirql.hal.ports import (
    write_port_uchar as WRITE_PORT_UCHAR,
)
from dirql.hal.ports import (
    write_port_ulong as WRITE_PORT_ULONG,
)
from dirql.hal.ports import (
    write_port_ushort as WRITE_PORT_USHORT,
)
from dirql.hal.registers import (
    read_register_buffer_uchar as READ_REGISTER_BUFFER_UCHAR,
)
from dirql.hal.registers import (
    read_register_buffer_ulong as READ_REGISTER_BUFFER_ULONG,
)
from dirql.hal.registers import (
    read_register_buffer_ushort as READ_REGISTER_BUFFER_USHORT,
)
from dirql.hal.registers import (
    read_register_uchar as READ_REGISTER_UCHAR,
)
from dirql.hal.registers import (
    read_register_ulong as READ_REGISTER_ULONG,
)
from dirql.hal.registers import (
    read_register_ushort as READ_REGISTER_USHORT,
)
from dirql.hal.registers import (
    write_register_buffer_uchar as WRITE_REGISTER_BUFFER_UCHAR,
)
from dirql.hal.registers import (
    write_register_buffer_ulong as WRITE_REGISTER_BUFFER_ULONG,
)
from dirql.hal.registers import (
    write_register_buffer_ushort as WRITE_REGISTER_BUFFER_USHORT,
)
from dirql.hal.registers import (
    write_register_uchar as WRITE_REGISTER_UCHAR,
)
from dirql.hal.registers import (
    write_register_ulong as WRITE_REGISTER_ULONG,
)
from dirql.hal.registers import (
    write_register_ushort as WRITE_REGISTER_USHORT,
)
from dirql.io.build import (
    build_asynchronous_fsd_request as IoBuildAsynchronousFsdRequest,
)
from dirql.io.build import (
    build_device_io_control_request as IoBuildDeviceIoControlRequest,
)
from dirql.io.build import (
    build_synchronous_fsd_request as IoBuildSynchronousFsdRequest,
)
from dirql.io.build import (
    forward_irp_synchronously as IoForwardIrpSynchronously,
)
from dirql.io.cancel import acquire_cancel_spin_lock as IoAcquireCancelSpinLock
from dirql.io.cancel import release_cancel_spin_lock as IoReleaseCancelSpinLock
from dirql.io.csq import Csq as IO_CSQ
from dirql.io.csq import CsqIrpContext as IO_CSQ_IRP_CONTEXT
from dirql.io.device import (
    DeviceObject as DEVICE_OBJECT,
)
from dirql.io.device import (
    DeviceObjectExtension as DEVOBJ_EXTENSION,
)
from dirql.io.device import (
    create_device as IoCreateDevice,
)
from dirql.io.driver import DriverExtension as DRIVER_EXTENSION
from dirql.io.driver import DriverObject as DRIVER_OBJECT
from dirql.io.file import FileObject as FILE_OBJECT
from dirql.io.interrupt import (
    ConnectParameters as IO_CONNECT_INTERRUPT_PARAMETERS,
)
from dirql.io.interrupt import (
    DisconnectParameters as IO_DISCONNECT_INTERRUPT_PARAMETERS,
)
from dirql.io.interrupt import (
    FullySpecified as IO_CONNECT_INTERRUPT_FULLY_SPECIFIED_PARAMETERS,
)
from dirql.io.interrupt import (
    InterruptMessage as IO_INTERRUPT_MESSAGE_INFO_ENTRY,
)
from dirql.io.interrupt import (
    InterruptMessageInfo as IO_INTERRUPT_MESSAGE_INFO,
)
from dirql.io.interrupt import (
    LineBased as IO_CONNECT_INTERRUPT_LINE_BASED_PARAMETERS,
)
from dirql.io.interrupt import (
    MessageBased as IO_CONNECT_INTERRUPT_MESSAGE_BASED_PARAMETERS,
)
from dirql.io.interrupt import (
    connect_interrupt_ex as IoConnectInterruptEx,
)
from dirql.io.interrupt import (
    disconnect_interrupt_ex as IoDisconnectInterruptEx,
)
from dirql.io.irp import (
    IoStackLocation as IO_STACK_LOCATION,
)
from dirql.io.irp import (
    IoStatusBlock as IO_STATUS_BLOCK,
)
from dirql.io.irp import (
    Irp as IRP,
)
from dirql.io.irp import (
    allocate_irp as IoAllocateIrp,
)
from dirql.io.irp import (
    containing_record as CONTAINING_RECORD,
)
from dirql.io.irp import (
    size_of_irp as IoSizeOfIrp,
)
from dirql.io.loader import zw_load_driver as ZwLoadDriver
from dirql.io.loader import zw_unload_driver as ZwUnloadDriver
from dirql.io.mdl import (
    allocate_mdl as IoAllocateMdl,
)
from dirql.io.mdl import (
    get_mdl_byte_count as MmGetMdlByteCount,
)
from dirql.io.mdl import (
    get_mdl_byte_offset as MmGetMdlByteOffset,
)
from dirql.io.mdl import (
    get_mdl_pfn_array as MmGetMdlPfnArray,
)
from dirql.io.mdl import (
    get_mdl_virtual_address as MmGetMdlVirtualAddress,
)
from dirql.io.mdl import (
    unmap_locked_pages as MmUnmapLockedPages,
)
from dirql.io.names import (
    create_directory_object as ZwCreateDirectoryObject,
)
from dirql.io.names import (
    create_symbolic_link as IoCreateSymbolicLink,
)
from dirql.io.names import (
    delete_symbolic_link as IoDeleteSymbolicLink,
)
from dirql.io.names import (
    get_device_object_pointer as IoGetDeviceObjectPointer,
)
from dirql.io.names import (
    make_temporary_object as ZwMakeTemporaryObject,
)
from dirql.io.names import (
    open_symbolic_link_object as ZwOpenSymbolicLinkObject,
)
from dirql.io.names import (
    query_symbolic_link_object as ZwQuerySymbolicLinkObject,
)
from dirql.io.nt import (
    FILE_SYNCHRONOUS_IO_ALERT,
    FILE_SYNCHRONOUS_IO_NONALERT,
)
from dirql.io.nt import (
    cancel_io_file as ZwCancelIoFile,
)
from dirql.io.nt import (
    cancel_io_file_ex as ZwCancelIoFileEx,
)
from dirql.io.nt import (
    close_handle as ZwClose,
)
from dirql.io.nt import (
    create_file as ZwCreateFile,
)
from dirql.io.nt import (
    device_io_control_file as ZwDeviceIoControlFile,
)
from dirql.io.nt import (
    read_file as ZwReadFile,
)
from dirql.io.nt import (
    write_file as ZwWriteFile,
)
from dirql.io.removelock import RemoveLock as IO_REMOVE_LOCK
from dirql.ke.clock import (
    query_interrupt_time as KeQueryInterruptTime,
)
from dirql.ke.clock import (
    query_performance_counter as KeQueryPerformanceCounter,
)
from dirql.ke.clock import (
    query_system_time as KeQuerySystemTime,
)
from dirql.ke.clock import (
    query_tick_count as KeQueryTickCount,
)
from dirql.ke.clock import (
    query_time_increment as KeQueryTimeIncrement,
)
from dirql.ke.clock import (
    stall_execution_processor as KeStallExecutionProcessor,
)
from dirql.ke.constants import (
    APC_LEVEL,
    CLOCK_LEVEL,
    CM_RESOURCE_INTERRUPT_LATCHED,
    CM_RESOURCE_INTERRUPT_LEVEL_SENSITIVE,
    CM_RESOURCE_INTERRUPT_MESSAGE,
    CM_RESOURCE_INTERRUPT_POLICY_INCLUDED,
    CM_RESOURCE_MEMORY_PREFETCHABLE,
    CM_RESOURCE_MEMORY_READ_ONLY,
    CM_RESOURCE_MEMORY_READ_WRITE,
    CM_RESOURCE_MEMORY_WRITE_ONLY,
    CM_RESOURCE_PORT_IO,
    CM_RESOURCE_PORT_MEMORY,
    CMCI_LEVEL,
    CONNECT_FULLY_SPECIFIED,
    CONNECT_FULLY_SPECIFIED_GROUP,
    CONNECT_LINE_BASED,
    CONNECT_MESSAGE_BASED,
    DEVICE_DESCRIPTION_VERSION,
    DEVICE_DESCRIPTION_VERSION1,
    DEVICE_DESCRIPTION_VERSION2,
    DEVICE_DESCRIPTION_VERSION3,
    DISPATCH_LEVEL,
    DO_BUFFERED_IO,
    DO_BUS_ENUMERATED_DEVICE,
    DO_DEVICE_HAS_NAME,
    DO_DEVICE_INITIALIZING,
    DO_DIRECT_IO,
    DO_EXCLUSIVE,
    DO_FORCE_NEITHER_IO,
    DO_LONG_TERM_REQUESTS,
    DO_LOW_PRIORITY_FILESYSTEM,
    DO_MAP_IO_BUFFER,
    DO_NEVER_LAST_DEVICE,
    DO_POWER_INRUSH,
    DO_POWER_PAGABLE,
    DO_SHUTDOWN_REGISTERED,
    DO_SUPPORTS_TRANSACTIONS,
    DO_SYSTEM_BOOT_PARTITION,
    DO_VERIFY_VOLUME,
    DO_VOLUME_DEVICE_OBJECT,
    DOE_DELETE_PENDING,
    DOE_REMOVE_PENDING,
    DOE_REMOVE_PROCESSED,
    DOE_START_PENDING,
    DOE_UNLOAD_PENDING,
    DRS_LEVEL,
    DRVO_BOOTREINIT_REGISTERED,
    DRVO_BUILTIN_DRIVER,
    DRVO_INITIALIZED,
    DRVO_LEGACY_DRIVER,
    DRVO_LEGACY_RESOURCES,
    DRVO_REINIT_REGISTERED,
    DRVO_UNLOAD_INVOKED,
    ERROR_ACCESS_DENIED,
    ERROR_ALREADY_EXISTS,
    ERROR_BAD_UNIT,
    ERROR_BUSY,
    ERROR_CRC,
    ERROR_DEVICE_NOT_CONNECTED,
    ERROR_DEVICE_REMOVED,
    ERROR_FILE_NOT_FOUND,
    ERROR_GEN_FAILURE,
    ERROR_HANDLE_EOF,
    ERROR_INSUFFICIENT_BUFFER,
    ERROR_INVALID_FUNCTION,
    ERROR_INVALID_HANDLE,
    ERROR_INVALID_NAME,
    ERROR_INVALID_PARAMETER,
    ERROR_INVALID_USER_BUFFER,
    ERROR_IO_DEVICE,
    ERROR_IO_INCOMPLETE,
    ERROR_IO_PENDING,
    ERROR_LOG_LIMIT_SIZE,
    ERROR_LOG_MAXIMUM_SIZE,
    ERROR_MORE_DATA,
    ERROR_NO_MORE_ITEMS,
    ERROR_NO_SYSTEM_RESOURCES,
    ERROR_NOACCESS,
    ERROR_NOT_ENOUGH_MEMORY,
    ERROR_NOT_FOUND,
    ERROR_NOT_READY,
    ERROR_NOT_SUPPORTED,
    ERROR_OPERATION_ABORTED,
    ERROR_PATH_NOT_FOUND,
    ERROR_SEM_TIMEOUT,
    ERROR_SHARING_VIOLATION,
    ERROR_SUCCESS,
    EVENT_INCREMENT,
    FILE_ANY_ACCESS,
    FILE_AUTOGENERATED_DEVICE_NAME,
    FILE_DEVICE_ACPI,
    FILE_DEVICE_BEEP,
    FILE_DEVICE_BUS_EXTENDER,
    FILE_DEVICE_CD_ROM,
    FILE_DEVICE_CONTROLLER,
    FILE_DEVICE_DISK,
    FILE_DEVICE_KEYBOARD,
    FILE_DEVICE_MASS_STORAGE,
    FILE_DEVICE_MOUSE,
    FILE_DEVICE_NETWORK,
    FILE_DEVICE_NULL,
    FILE_DEVICE_PARALLEL_PORT,
    FILE_DEVICE_PHYSICAL_NETCARD,
    FILE_DEVICE_SECURE_OPEN,
    FILE_DEVICE_SERIAL_PORT,
    FILE_DEVICE_SOUND,
    FILE_DEVICE_UNKNOWN,
    FILE_DEVICE_VIDEO,
    FILE_READ_ACCESS,
    FILE_READ_DATA,
    FILE_READ_ONLY_DEVICE,
    FILE_REMOVABLE_MEDIA,
    FILE_SKIP_COMPLETION_PORT_ON_SUCCESS,
    FILE_SKIP_SET_EVENT_ON_HANDLE,
    FILE_SPECIAL_ACCESS,
    FILE_WRITE_ACCESS,
    FILE_WRITE_DATA,
    FO_ALERTABLE_IO,
    FO_CLEANUP_COMPLETE,
    FO_FILE_OPEN_CANCELLED,
    FO_HANDLE_CREATED,
    FO_QUEUE_IRP_TO_THREAD,
    FO_SKIP_COMPLETION_PORT,
    FO_SKIP_SET_EVENT,
    FO_SYNCHRONOUS_IO,
    HIGH_LEVEL,
    HIGH_PRIORITY,
    IO_DISK_INCREMENT,
    IO_KEYBOARD_INCREMENT,
    IO_MAILSLOT_INCREMENT,
    IO_MOUSE_INCREMENT,
    IO_NAMED_PIPE_INCREMENT,
    IO_NETWORK_INCREMENT,
    IO_NO_INCREMENT,
    IO_PARALLEL_INCREMENT,
    IO_SERIAL_INCREMENT,
    IO_SOUND_INCREMENT,
    IO_TYPE_ADAPTER,
    IO_TYPE_APC,
    IO_TYPE_CONTROLLER,
    IO_TYPE_CSQ,
    IO_TYPE_CSQ_EX,
    IO_TYPE_CSQ_IRP_CONTEXT,
    IO_TYPE_DEVICE,
    IO_TYPE_DEVICE_OBJECT_EXTENSION,
    IO_TYPE_DEVICE_QUEUE,
    IO_TYPE_DPC,
    IO_TYPE_DRIVER,
    IO_TYPE_ERROR_LOG,
    IO_TYPE_ERROR_MESSAGE,
    IO_TYPE_EVENT_PAIR,
    IO_TYPE_FILE,
    IO_TYPE_INTERRUPT,
    IO_TYPE_IRP,
    IO_TYPE_MASTER_ADAPTER,
    IO_TYPE_OPEN_PACKET,
    IO_TYPE_PROFILE,
    IO_TYPE_THREADED_DPC,
    IO_TYPE_TIMER,
    IO_TYPE_VPB,
    IO_VIDEO_INCREMENT,
    IPI_LEVEL,
    IRP_ALLOCATED_FIXED_SIZE,
    IRP_ALLOCATED_MUST_SUCCEED,
    IRP_ASSOCIATED_IRP,
    IRP_BEING_VERIFIED,
    IRP_BUFFERED_IO,
    IRP_CLASS_CACHE_OPERATION,
    IRP_CLOSE_OPERATION,
    IRP_CREATE_OPERATION,
    IRP_DEALLOCATE_BUFFER,
    IRP_DEFER_IO_COMPLETION,
    IRP_HOLD_DEVICE_QUEUE,
    IRP_INPUT_OPERATION,
    IRP_LOOKASIDE_ALLOCATION,
    IRP_MJ_CLEANUP,
    IRP_MJ_CLOSE,
    IRP_MJ_CREATE,
    IRP_MJ_CREATE_MAILSLOT,
    IRP_MJ_CREATE_NAMED_PIPE,
    IRP_MJ_DEVICE_CHANGE,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_DIRECTORY_CONTROL,
    IRP_MJ_FILE_SYSTEM_CONTROL,
    IRP_MJ_FLUSH_BUFFERS,
    IRP_MJ_INTERNAL_DEVICE_CONTROL,
    IRP_MJ_LOCK_CONTROL,
    IRP_MJ_MAXIMUM_FUNCTION,
    IRP_MJ_PNP,
    IRP_MJ_POWER,
    IRP_MJ_QUERY_EA,
    IRP_MJ_QUERY_INFORMATION,
    IRP_MJ_QUERY_QUOTA,
    IRP_MJ_QUERY_SECURITY,
    IRP_MJ_QUERY_VOLUME_INFORMATION,
    IRP_MJ_READ,
    IRP_MJ_SCSI,
    IRP_MJ_SET_EA,
    IRP_MJ_SET_INFORMATION,
    IRP_MJ_SET_QUOTA,
    IRP_MJ_SET_SECURITY,
    IRP_MJ_SET_VOLUME_INFORMATION,
    IRP_MJ_SHUTDOWN,
    IRP_MJ_SYSTEM_CONTROL,
    IRP_MJ_WRITE,
    IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_CHANGE_SINGLE_INSTANCE,
    IRP_MN_CHANGE_SINGLE_ITEM,
    IRP_MN_COMPLETE,
    IRP_MN_COMPRESSED,
    IRP_MN_DEVICE_ENUMERATED,
    IRP_MN_DEVICE_USAGE_NOTIFICATION,
    IRP_MN_DISABLE_COLLECTION,
    IRP_MN_DISABLE_EVENTS,
    IRP_MN_DPC,
    IRP_MN_EJECT,
    IRP_MN_ENABLE_COLLECTION,
    IRP_MN_ENABLE_EVENTS,
    IRP_MN_EXECUTE_METHOD,
    IRP_MN_FILTER_RESOURCE_REQUIREMENTS,
    IRP_MN_MDL,
    IRP_MN_NORMAL,
    IRP_MN_POWER_SEQUENCE,
    IRP_MN_QUERY_ALL_DATA,
    IRP_MN_QUERY_BUS_INFORMATION,
    IRP_MN_QUERY_CAPABILITIES,
    IRP_MN_QUERY_DEVICE_RELATIONS,
    IRP_MN_QUERY_DEVICE_TEXT,
    IRP_MN_QUERY_ID,
    IRP_MN_QUERY_INTERFACE,
    IRP_MN_QUERY_LEGACY_BUS_INFORMATION,
    IRP_MN_QUERY_PNP_DEVICE_STATE,
    IRP_MN_QUERY_POWER,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_QUERY_RESOURCE_REQUIREMENTS,
    IRP_MN_QUERY_RESOURCES,
    IRP_MN_QUERY_SINGLE_INSTANCE,
    IRP_MN_QUERY_STOP_DEVICE,
    IRP_MN_READ_CONFIG,
    IRP_MN_REGINFO,
    IRP_MN_REGINFO_EX,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_SET_LOCK,
    IRP_MN_SET_POWER,
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    IRP_MN_WAIT_WAKE,
    IRP_MN_WRITE_CONFIG,
    IRP_MOUNT_COMPLETION,
    IRP_NOCACHE,
    IRP_OB_QUERY_NAME,
    IRP_PAGING_IO,
    IRP_QUOTA_CHARGED,
    IRP_READ_OPERATION,
    IRP_RETRY_IO_COMPLETION,
    IRP_SYNCHRONOUS_API,
    IRP_SYNCHRONOUS_PAGING_IO,
    IRP_WRITE_OPERATION,
    LOW_LEVEL,
    LOW_PRIORITY,
    LOW_REALTIME_PRIORITY,
    MAX_DEVICE_ID_LEN,
    MAX_GUID_STRING_LEN,
    MAXIMUM_PRIORITY,
    MAXIMUM_PROCESSORS,
    MAXIMUM_WAIT_OBJECTS,
    MDL_ALLOCATED_FIXED_SIZE,
    MDL_ALLOCATED_MUST_SUCCEED,
    MDL_DESCRIBES_AWE,
    MDL_FREE_EXTRA_PTES,
    MDL_INTERNAL,
    MDL_IO_PAGE_READ,
    MDL_IO_SPACE,
    MDL_MAPPED_TO_SYSTEM_VA,
    MDL_MAPPING_CAN_FAIL,
    MDL_NETWORK_HEADER,
    MDL_PAGE_CONTENTS_INVARIANT,
    MDL_PAGES_LOCKED,
    MDL_PARENT_MAPPED_SYSTEM_VA,
    MDL_PARTIAL,
    MDL_PARTIAL_HAS_BEEN_MAPPED,
    MDL_SOURCE_IS_NONPAGED_POOL,
    MDL_WRITE_OPERATION,
    METHOD_BUFFERED,
    METHOD_IN_DIRECT,
    METHOD_NEITHER,
    METHOD_OUT_DIRECT,
    MUTANT_INCREMENT,
    PAGE_SHIFT,
    PAGE_SIZE,
    PASSIVE_LEVEL,
    PNP_DEVICE_DISABLED,
    PNP_DEVICE_DONT_DISPLAY_IN_UI,
    PNP_DEVICE_FAILED,
    PNP_DEVICE_NOT_DISABLEABLE,
    PNP_DEVICE_REMOVED,
    PNP_DEVICE_RESOURCE_REQUIREMENTS_CHANGED,
    POOL_ALIGNMENT,
    POOL_COLD_ALLOCATION,
    POOL_FLAG_CACHE_ALIGNED,
    POOL_FLAG_NON_PAGED,
    POOL_FLAG_NON_PAGED_EXECUTE,
    POOL_FLAG_PAGED,
    POOL_FLAG_RAISE_ON_FAILURE,
    POOL_FLAG_SESSION,
    POOL_FLAG_UNINITIALIZED,
    POOL_FLAG_USE_QUOTA,
    POOL_QUOTA_FAIL_INSTEAD_OF_RAISE,
    POOL_RAISE_IF_ALLOCATION_FAILURE,
    POWER_LEVEL,
    PROFILE_LEVEL,
    SEMAPHORE_INCREMENT,
    SL_ERROR_RETURNED,
    SL_INVOKE_ON_CANCEL,
    SL_INVOKE_ON_ERROR,
    SL_INVOKE_ON_SUCCESS,
    SL_PENDING_RETURNED,
    SYNCH_LEVEL,
    THREAD_WAIT_OBJECTS,
    UNICODE_STRING_MAX_BYTES,
    WAIT_IO_COMPLETION,
    WAIT_OBJECT_0,
    WAIT_TIMEOUT,
    BusQueryCompatibleIDs,
    BusQueryContainerID,
    BusQueryDeviceID,
    BusQueryDeviceSerialNumber,
    BusQueryHardwareIDs,
    BusQueryInstanceID,
    BusRelations,
    CmResourceShareDeviceExclusive,
    CmResourceShareDriverExclusive,
    CmResourceShareShared,
    CmResourceShareUndetermined,
    CmResourceTypeBusNumber,
    CmResourceTypeConfigData,
    CmResourceTypeDevicePrivate,
    CmResourceTypeDeviceSpecific,
    CmResourceTypeDma,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    CmResourceTypeMemoryLarge,
    CmResourceTypeNull,
    CmResourceTypePort,
    ConfigurationSpaceUndefined,
    CriticalWorkQueue,
    DeallocateObject,
    DeallocateObjectKeepRegisters,
    DelayedWorkQueue,
    DelayExecution,
    Eisa,
    EjectionRelations,
    EventNotificationObject,
    EventSynchronizationObject,
    Executive,
    FreePage,
    GateObject,
    HighImportance,
    HighPagePriority,
    HyperCriticalWorkQueue,
    InterfaceTypeUndefined,
    Internal,
    InterruptActiveHigh,
    InterruptActiveLow,
    InterruptFallingEdge,
    InterruptPolarityUnknown,
    InterruptRisingEdge,
    IoModifyAccess,
    IoReadAccess,
    IoWriteAccess,
    Isa,
    KeepObject,
    KernelMode,
    Latched,
    LevelSensitive,
    LowImportance,
    LowPagePriority,
    MdlMappingNoExecute,
    MdlMappingNoWrite,
    MediumHighImportance,
    MediumImportance,
    MicroChannel,
    MmCached,
    MmNonCached,
    MmWriteCombined,
    MutantObject,
    NonPagedPool,
    NonPagedPoolCacheAligned,
    NonPagedPoolExecute,
    NonPagedPoolMustSucceed,
    NonPagedPoolNx,
    NonPagedPoolNxCacheAligned,
    NormalPagePriority,
    NotificationEvent,
    NotificationTimer,
    PagedPool,
    PagedPoolCacheAligned,
    PageIn,
    PCIBus,
    PCIConfiguration,
    PoolAllocation,
    PowerDeviceD0,
    PowerDeviceD1,
    PowerDeviceD2,
    PowerDeviceD3,
    PowerDeviceUnspecified,
    PowerRelations,
    PowerSystemHibernate,
    PowerSystemShutdown,
    PowerSystemSleeping1,
    PowerSystemSleeping2,
    PowerSystemSleeping3,
    PowerSystemUnspecified,
    PowerSystemWorking,
    ProcessObject,
    QueueObject,
    RemovalRelations,
    SemaphoreObject,
    SingleBusRelations,
    Suspended,
    SynchronizationEvent,
    SynchronizationTimer,
    TargetDeviceRelation,
    ThreadObject,
    TimerNotificationObject,
    TimerSynchronizationObject,
    TransportRelations,
    TurboChannel,
    UserMode,
    UserRequest,
    WaitAll,
    WaitAny,
    Width8Bits,
    Width16Bits,
    Width32Bits,
    Width64Bits,
)
from dirql.ke.constants import (
    ctl_code as CTL_CODE,
)
from dirql.ke.constants import (
    device_type_from_ctl_code as DEVICE_TYPE_FROM_CTL_CODE,
)
from dirql.ke.constants import (
    method_from_ctl_code as METHOD_FROM_CTL_CODE,
)
from dirql.ke.devicequeue import DeviceQueue as KDEVICE_QUEUE
from dirql.ke.devicequeue import DeviceQueueEntry as KDEVICE_QUEUE_ENTRY
from dirql.ke.dispatcher import (
    create_system_thread as PsCreateSystemThread,
)
from dirql.ke.dispatcher import (
    terminate_system_thread as PsTerminateSystemThread,
)
from dirql.ke.dispatcher import (
    yield_execution as ZwYieldExecution,
)
from dirql.ke.dpc import Dpc as KDPC
from dirql.ke.event import Event as KEVENT
from dirql.ke.interrupt import Interrupt as KINTERRUPT
from dirql.ke.irql import (
    current_irql as KeGetCurrentIrql,
)
from dirql.ke.irql import (
    lower_irql as KeLowerIrql,
)
from dirql.ke.irql import (
    raise_irql as KeRaiseIrql,
)
from dirql.ke.irql import (
    raise_irql_to_dpc_level as KeRaiseIrqlToDpcLevel,
)
from dirql.ke.irql import (
    raise_irql_to_synch_level as KeRaiseIrqlToSynchLevel,
)
from dirql.ke.mutex import Mutex as KMUTEX
from dirql.ke.processor import get_current_processor_number as KeGetCurrentProcessorNumber
from dirql.ke.semaphore import Semaphore as KSEMAPHORE
from dirql.ke.spinlock import SpinLock as KSPIN_LOCK
from dirql.ke.status import (
    STATUS_ABANDONED,
    STATUS_ABANDONED_WAIT_0,
    STATUS_ACCESS_DENIED,
    STATUS_ACCESS_VIOLATION,
    STATUS_ADAPTER_HARDWARE_ERROR,
    STATUS_ALERTED,
    STATUS_ASSERTION_FAILURE,
    STATUS_BAD_DEVICE_TYPE,
    STATUS_BUFFER_OVERFLOW,
    STATUS_BUFFER_TOO_SMALL,
    STATUS_CANCELLED,
    STATUS_CONFLICTING_ADDRESSES,
    STATUS_CRC_ERROR,
    STATUS_DATA_ERROR,
    STATUS_DATA_LATE_ERROR,
    STATUS_DATA_OVERRUN,
    STATUS_DATATYPE_MISALIGNMENT,
    STATUS_DELETE_PENDING,
    STATUS_DEVICE_ALREADY_ATTACHED,
    STATUS_DEVICE_BUSY,
    STATUS_DEVICE_CONFIGURATION_ERROR,
    STATUS_DEVICE_DATA_ERROR,
    STATUS_DEVICE_DOES_NOT_EXIST,
    STATUS_DEVICE_ENUMERATION_ERROR,
    STATUS_DEVICE_INSUFFICIENT_RESOURCES,
    STATUS_DEVICE_NOT_CONNECTED,
    STATUS_DEVICE_NOT_READY,
    STATUS_DEVICE_OFF_LINE,
    STATUS_DEVICE_PAPER_EMPTY,
    STATUS_DEVICE_POWER_FAILURE,
    STATUS_DEVICE_PROTOCOL_ERROR,
    STATUS_DEVICE_REMOVED,
    STATUS_DEVICE_REQUIRES_CLEANING,
    STATUS_DRIVER_UNABLE_TO_LOAD,
    STATUS_END_OF_FILE,
    STATUS_ENTRYPOINT_NOT_FOUND,
    STATUS_FILE_CLOSED,
    STATUS_FILE_INVALID,
    STATUS_GUARD_PAGE_VIOLATION,
    STATUS_ILLEGAL_INSTRUCTION,
    STATUS_IMAGE_ALREADY_LOADED,
    STATUS_INFO_LENGTH_MISMATCH,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INTEGER_DIVIDE_BY_ZERO,
    STATUS_INTEGER_OVERFLOW,
    STATUS_INTERNAL_ERROR,
    STATUS_INVALID_ADDRESS,
    STATUS_INVALID_BUFFER_SIZE,
    STATUS_INVALID_DEVICE_OBJECT_PARAMETER,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_DEVICE_STATE,
    STATUS_INVALID_HANDLE,
    STATUS_INVALID_INFO_CLASS,
    STATUS_INVALID_PAGE_PROTECTION,
    STATUS_INVALID_PARAMETER,
    STATUS_INVALID_PARAMETER_1,
    STATUS_INVALID_PARAMETER_2,
    STATUS_INVALID_PARAMETER_3,
    STATUS_INVALID_PARAMETER_MIX,
    STATUS_INVALID_USER_BUFFER,
    STATUS_IO_DEVICE_ERROR,
    STATUS_IO_TIMEOUT,
    STATUS_KERNEL_APC,
    STATUS_MEDIA_WRITE_PROTECTED,
    STATUS_MORE_ENTRIES,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_MUTANT_LIMIT_EXCEEDED,
    STATUS_MUTANT_NOT_OWNED,
    STATUS_NAME_TOO_LONG,
    STATUS_NO_MATCH,
    STATUS_NO_MEDIA_IN_DEVICE,
    STATUS_NO_MEMORY,
    STATUS_NO_MORE_ENTRIES,
    STATUS_NO_MORE_FILES,
    STATUS_NO_SUCH_DEVICE,
    STATUS_NO_SUCH_FILE,
    STATUS_NO_YIELD_PERFORMED,
    STATUS_NONEXISTENT_SECTOR,
    STATUS_NOT_FOUND,
    STATUS_NOT_IMPLEMENTED,
    STATUS_NOT_SUPPORTED,
    STATUS_NOTIFY_ENUM_DIR,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_EXISTS,
    STATUS_OBJECT_NAME_INVALID,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_NO_LONGER_EXISTS,
    STATUS_OBJECT_PATH_INVALID,
    STATUS_OBJECT_PATH_NOT_FOUND,
    STATUS_OBJECT_PATH_SYNTAX_BAD,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_PARTIAL_COPY,
    STATUS_PENDING,
    STATUS_PLUGPLAY_NO_DEVICE,
    STATUS_PORT_DISCONNECTED,
    STATUS_POSSIBLE_DEADLOCK,
    STATUS_PRIVILEGE_NOT_HELD,
    STATUS_PROCEDURE_NOT_FOUND,
    STATUS_PROCESS_IS_TERMINATING,
    STATUS_QUOTA_EXCEEDED,
    STATUS_REPARSE,
    STATUS_REQUEST_ABORTED,
    STATUS_REQUEST_NOT_ACCEPTED,
    STATUS_RESOURCE_REQUIREMENTS_CHANGED,
    STATUS_RETRY,
    STATUS_SEMAPHORE_LIMIT_EXCEEDED,
    STATUS_SHARING_VIOLATION,
    STATUS_SUCCESS,
    STATUS_THREAD_IS_TERMINATING,
    STATUS_TIMEOUT,
    STATUS_TOO_LATE,
    STATUS_UNHANDLED_EXCEPTION,
    STATUS_UNSUCCESSFUL,
    STATUS_USER_APC,
    STATUS_VERIFY_REQUIRED,
    STATUS_WAIT_0,
    STATUS_WAIT_1,
    STATUS_WAIT_63,
)
from dirql.ke.status import (
    StatusException as ExceptionStatus,
)
from dirql.ke.status import (
    nt_error as NT_ERROR,
)
from dirql.ke.status import (
    nt_information as NT_INFORMATION,
)
from dirql.ke.status import (
    nt_success as NT_SUCCESS,
)
from dirql.ke.status import (
    nt_warning as NT_WARNING,
)
from dirql.ke.status import (
    raise_status as ExRaiseStatus,
)
from dirql.ke.status import (
    status_name as RtlStatusName,
)
from dirql.ke.thread import Thread as KTHREAD
from dirql.ke.thread import get_current_thread as KeGetCurrentThread
from dirql.ke.timer import Timer as KTIMER
from dirql.ke.wait import (
    delay_execution_thread as KeDelayExecutionThread,
)
from dirql.ke.wait import (
    flush_queued_dpcs as KeFlushQueuedDpcs,
)
from dirql.ke.wait import (
    wait_for_multiple_objects as KeWaitForMultipleObjects,
)
from dirql.ke.wait import (
    wait_for_single_object as KeWaitForSingleObject,
)
from dirql.mm.allocation import (
    allocate_pool2 as ExAllocatePool2,
)
from dirql.mm.allocation import (
    allocate_pool_with_tag as ExAllocatePoolWithTag,
)
from dirql.mm.allocation import (
    free_pool as ExFreePool,
)
from dirql.mm.allocation import (
    free_pool_with_tag as ExFreePoolWithTag,
)
from dirql.mm.allocation import (
    pool_tag as POOL_TAG,
)
from dirql.mm.layout import (
    byte_offset as BYTE_OFFSET,
)
from dirql.mm.layout import (
    bytes_to_pages as BYTES_TO_PAGES,
)
from dirql.mm.layout import (
    page_align as PAGE_ALIGN,
)
from dirql.mm.layout import (
    round_to_pages as ROUND_TO_PAGES,
)
from dirql.mm.layout import (
    span_pages as ADDRESS_AND_SIZE_TO_SPAN_PAGES,
)
from dirql.mm.mdl import Mdl as MDL
from dirql.mm.memory import (
    compare as RtlCompareMemory,
)
from dirql.mm.memory import (
    copy as RtlCopyMemory,
)
from dirql.mm.memory import (
    fill as RtlFillMemory,
)
from dirql.mm.memory import (
    move as RtlMoveMemory,
)
from dirql.mm.memory import (
    read as RtlReadMemory,
)
from dirql.mm.memory import (
    view as RtlViewMemory,
)
from dirql.mm.memory import (
    write as RtlWriteMemory,
)
from dirql.mm.memory import (
    zero as RtlZeroMemory,
)
from dirql.mm.probe import probe_for_read as ProbeForRead
from dirql.mm.probe import probe_for_write as ProbeForWrite
from dirql.ob.object import Object as _Object
from dirql.pnp.resources import (
    CmFullResourceDescriptor as CM_FULL_RESOURCE_DESCRIPTOR,
)
from dirql.pnp.resources import (
    CmPartialResourceDescriptor as CM_PARTIAL_RESOURCE_DESCRIPTOR,
)
from dirql.pnp.resources import (
    CmPartialResourceList as CM_PARTIAL_RESOURCE_LIST,
)
from dirql.pnp.resources import (
    CmResourceList as CM_RESOURCE_LIST,
)
from dirql.pnp.structures import (
    GUID_BUS_INTERFACE_STANDARD,
    GUID_BUS_TYPE_PCI,
)
from dirql.pnp.structures import (
    BusInterfaceStandard as BUS_INTERFACE_STANDARD,
)
from dirql.pnp.structures import (
    DeviceCapabilities as DEVICE_CAPABILITIES,
)
from dirql.pnp.structures import (
    DeviceRelations as DEVICE_RELATIONS,
)
from dirql.pnp.structures import (
    PnpBusInformation as PNP_BUS_INFORMATION,
)

__all__ = [
    "ADDRESS_AND_SIZE_TO_SPAN_PAGES",
    "APC_LEVEL",
    "BUS_INTERFACE_STANDARD",
    "BYTES_TO_PAGES",
    "BYTE_OFFSET",
    "CLOCK_LEVEL",
    "CMCI_LEVEL",
    "CM_FULL_RESOURCE_DESCRIPTOR",
    "CM_PARTIAL_RESOURCE_DESCRIPTOR",
    "CM_PARTIAL_RESOURCE_LIST",
    "CM_RESOURCE_INTERRUPT_LATCHED",
    "CM_RESOURCE_INTERRUPT_LEVEL_SENSITIVE",
    "CM_RESOURCE_INTERRUPT_MESSAGE",
    "CM_RESOURCE_INTERRUPT_POLICY_INCLUDED",
    "CM_RESOURCE_LIST",
    "CM_RESOURCE_MEMORY_PREFETCHABLE",
    "CM_RESOURCE_MEMORY_READ_ONLY",
    "CM_RESOURCE_MEMORY_READ_WRITE",
    "CM_RESOURCE_MEMORY_WRITE_ONLY",
    "CM_RESOURCE_PORT_IO",
    "CM_RESOURCE_PORT_MEMORY",
    "CONNECT_FULLY_SPECIFIED",
    "CONNECT_FULLY_SPECIFIED_GROUP",
    "CONNECT_LINE_BASED",
    "CONNECT_MESSAGE_BASED",
    "CONTAINING_RECORD",
    "CTL_CODE",
    "DEVICE_CAPABILITIES",
    "DEVICE_DESCRIPTION",
    "DEVICE_DESCRIPTION_VERSION",
    "DEVICE_DESCRIPTION_VERSION1",
    "DEVICE_DESCRIPTION_VERSION2",
    "DEVICE_DESCRIPTION_VERSION3",
    "DEVICE_OBJECT",
    "DEVICE_RELATIONS",
    "DEVICE_TYPE_FROM_CTL_CODE",
    "DEVOBJ_EXTENSION",
    "DISPATCH_LEVEL",
    "DMA_ADAPTER",
    "DMA_OPERATIONS",
    "DOE_DELETE_PENDING",
    "DOE_REMOVE_PENDING",
    "DOE_REMOVE_PROCESSED",
    "DOE_START_PENDING",
    "DOE_UNLOAD_PENDING",
    "DO_BUFFERED_IO",
    "DO_BUS_ENUMERATED_DEVICE",
    "DO_DEVICE_HAS_NAME",
    "DO_DEVICE_INITIALIZING",
    "DO_DIRECT_IO",
    "DO_EXCLUSIVE",
    "DO_FORCE_NEITHER_IO",
    "DO_LONG_TERM_REQUESTS",
    "DO_LOW_PRIORITY_FILESYSTEM",
    "DO_MAP_IO_BUFFER",
    "DO_NEVER_LAST_DEVICE",
    "DO_POWER_INRUSH",
    "DO_POWER_PAGABLE",
    "DO_SHUTDOWN_REGISTERED",
    "DO_SUPPORTS_TRANSACTIONS",
    "DO_SYSTEM_BOOT_PARTITION",
    "DO_VERIFY_VOLUME",
    "DO_VOLUME_DEVICE_OBJECT",
    "DRIVER_EXTENSION",
    "DRIVER_OBJECT",
    "DRS_LEVEL",
    "DRVO_BOOTREINIT_REGISTERED",
    "DRVO_BUILTIN_DRIVER",
    "DRVO_INITIALIZED",
    "DRVO_LEGACY_DRIVER",
    "DRVO_LEGACY_RESOURCES",
    "DRVO_REINIT_REGISTERED",
    "DRVO_UNLOAD_INVOKED",
    "ERROR_ACCESS_DENIED",
    "ERROR_ALREADY_EXISTS",
    "ERROR_BAD_UNIT",
    "ERROR_BUSY",
    "ERROR_CRC",
    "ERROR_DEVICE_NOT_CONNECTED",
    "ERROR_DEVICE_REMOVED",
    "ERROR_FILE_NOT_FOUND",
    "ERROR_GEN_FAILURE",
    "ERROR_HANDLE_EOF",
    "ERROR_INSUFFICIENT_BUFFER",
    "ERROR_INVALID_FUNCTION",
    "ERROR_INVALID_HANDLE",
    "ERROR_INVALID_NAME",
    "ERROR_INVALID_PARAMETER",
    "ERROR_INVALID_USER_BUFFER",
    "ERROR_IO_DEVICE",
    "ERROR_IO_INCOMPLETE",
    "ERROR_IO_PENDING",
    "ERROR_LOG_LIMIT_SIZE",
    "ERROR_LOG_MAXIMUM_SIZE",
    "ERROR_MORE_DATA",
    "ERROR_NOACCESS",
    "ERROR_NOT_ENOUGH_MEMORY",
    "ERROR_NOT_FOUND",
    "ERROR_NOT_READY",
    "ERROR_NOT_SUPPORTED",
    "ERROR_NO_MORE_ITEMS",
    "ERROR_NO_SYSTEM_RESOURCES",
    "ERROR_OPERATION_ABORTED",
    "ERROR_PATH_NOT_FOUND",
    "ERROR_SEM_TIMEOUT",
    "ERROR_SHARING_VIOLATION",
    "ERROR_SUCCESS",
    "EVENT_INCREMENT",
    "FILE_ANY_ACCESS",
    "FILE_AUTOGENERATED_DEVICE_NAME",
    "FILE_DEVICE_ACPI",
    "FILE_DEVICE_BEEP",
    "FILE_DEVICE_BUS_EXTENDER",
    "FILE_DEVICE_CD_ROM",
    "FILE_DEVICE_CONTROLLER",
    "FILE_DEVICE_DISK",
    "FILE_DEVICE_KEYBOARD",
    "FILE_DEVICE_MASS_STORAGE",
    "FILE_DEVICE_MOUSE",
    "FILE_DEVICE_NETWORK",
    "FILE_DEVICE_NULL",
    "FILE_DEVICE_PARALLEL_PORT",
    "FILE_DEVICE_PHYSICAL_NETCARD",
    "FILE_DEVICE_SECURE_OPEN",
    "FILE_DEVICE_SERIAL_PORT",
    "FILE_DEVICE_SOUND",
    "FILE_DEVICE_UNKNOWN",
    "FILE_DEVICE_VIDEO",
    "FILE_OBJECT",
    "FILE_READ_ACCESS",
    "FILE_READ_DATA",
    "FILE_READ_ONLY_DEVICE",
    "FILE_REMOVABLE_MEDIA",
    "FILE_SKIP_COMPLETION_PORT_ON_SUCCESS",
    "FILE_SKIP_SET_EVENT_ON_HANDLE",
    "FILE_SPECIAL_ACCESS",
    "FILE_SYNCHRONOUS_IO_ALERT",
    "FILE_SYNCHRONOUS_IO_NONALERT",
    "FILE_WRITE_ACCESS",
    "FILE_WRITE_DATA",
    "FO_ALERTABLE_IO",
    "FO_CLEANUP_COMPLETE",
    "FO_FILE_OPEN_CANCELLED",
    "FO_HANDLE_CREATED",
    "FO_QUEUE_IRP_TO_THREAD",
    "FO_SKIP_COMPLETION_PORT",
    "FO_SKIP_SET_EVENT",
    "FO_SYNCHRONOUS_IO",
    "GUID_BUS_INTERFACE_STANDARD",
    "GUID_BUS_TYPE_PCI",
    "HIGH_LEVEL",
    "HIGH_PRIORITY",
    "IO_CONNECT_INTERRUPT_FULLY_SPECIFIED_PARAMETERS",
    "IO_CONNECT_INTERRUPT_LINE_BASED_PARAMETERS",
    "IO_CONNECT_INTERRUPT_MESSAGE_BASED_PARAMETERS",
    "IO_CONNECT_INTERRUPT_PARAMETERS",
    "IO_CSQ",
    "IO_CSQ_IRP_CONTEXT",
    "IO_DISCONNECT_INTERRUPT_PARAMETERS",
    "IO_DISK_INCREMENT",
    "IO_INTERRUPT_MESSAGE_INFO",
    "IO_INTERRUPT_MESSAGE_INFO_ENTRY",
    "IO_KEYBOARD_INCREMENT",
    "IO_MAILSLOT_INCREMENT",
    "IO_MOUSE_INCREMENT",
    "IO_NAMED_PIPE_INCREMENT",
    "IO_NETWORK_INCREMENT",
    "IO_NO_INCREMENT",
    "IO_PARALLEL_INCREMENT",
    "IO_REMOVE_LOCK",
    "IO_SERIAL_INCREMENT",
    "IO_SOUND_INCREMENT",
    "IO_STACK_LOCATION",
    "IO_STATUS_BLOCK",
    "IO_TYPE_ADAPTER",
    "IO_TYPE_APC",
    "IO_TYPE_CONTROLLER",
    "IO_TYPE_CSQ",
    "IO_TYPE_CSQ_EX",
    "IO_TYPE_CSQ_IRP_CONTEXT",
    "IO_TYPE_DEVICE",
    "IO_TYPE_DEVICE_OBJECT_EXTENSION",
    "IO_TYPE_DEVICE_QUEUE",
    "IO_TYPE_DPC",
    "IO_TYPE_DRIVER",
    "IO_TYPE_ERROR_LOG",
    "IO_TYPE_ERROR_MESSAGE",
    "IO_TYPE_EVENT_PAIR",
    "IO_TYPE_FILE",
    "IO_TYPE_INTERRUPT",
    "IO_TYPE_IRP",
    "IO_TYPE_MASTER_ADAPTER",
    "IO_TYPE_OPEN_PACKET",
    "IO_TYPE_PROFILE",
    "IO_TYPE_THREADED_DPC",
    "IO_TYPE_TIMER",
    "IO_TYPE_VPB",
    "IO_VIDEO_INCREMENT",
    "IPI_LEVEL",
    "IRP",
    "IRP_ALLOCATED_FIXED_SIZE",
    "IRP_ALLOCATED_MUST_SUCCEED",
    "IRP_ASSOCIATED_IRP",
    "IRP_BEING_VERIFIED",
    "IRP_BUFFERED_IO",
    "IRP_CLASS_CACHE_OPERATION",
    "IRP_CLOSE_OPERATION",
    "IRP_CREATE_OPERATION",
    "IRP_DEALLOCATE_BUFFER",
    "IRP_DEFER_IO_COMPLETION",
    "IRP_HOLD_DEVICE_QUEUE",
    "IRP_INPUT_OPERATION",
    "IRP_LOOKASIDE_ALLOCATION",
    "IRP_MJ_CLEANUP",
    "IRP_MJ_CLOSE",
    "IRP_MJ_CREATE",
    "IRP_MJ_CREATE_MAILSLOT",
    "IRP_MJ_CREATE_NAMED_PIPE",
    "IRP_MJ_DEVICE_CHANGE",
    "IRP_MJ_DEVICE_CONTROL",
    "IRP_MJ_DIRECTORY_CONTROL",
    "IRP_MJ_FILE_SYSTEM_CONTROL",
    "IRP_MJ_FLUSH_BUFFERS",
    "IRP_MJ_INTERNAL_DEVICE_CONTROL",
    "IRP_MJ_LOCK_CONTROL",
    "IRP_MJ_MAXIMUM_FUNCTION",
    "IRP_MJ_PNP",
    "IRP_MJ_POWER",
    "IRP_MJ_QUERY_EA",
    "IRP_MJ_QUERY_INFORMATION",
    "IRP_MJ_QUERY_QUOTA",
    "IRP_MJ_QUERY_SECURITY",
    "IRP_MJ_QUERY_VOLUME_INFORMATION",
    "IRP_MJ_READ",
    "IRP_MJ_SCSI",
    "IRP_MJ_SET_EA",
    "IRP_MJ_SET_INFORMATION",
    "IRP_MJ_SET_QUOTA",
    "IRP_MJ_SET_SECURITY",
    "IRP_MJ_SET_VOLUME_INFORMATION",
    "IRP_MJ_SHUTDOWN",
    "IRP_MJ_SYSTEM_CONTROL",
    "IRP_MJ_WRITE",
    "IRP_MN_CANCEL_REMOVE_DEVICE",
    "IRP_MN_CANCEL_STOP_DEVICE",
    "IRP_MN_CHANGE_SINGLE_INSTANCE",
    "IRP_MN_CHANGE_SINGLE_ITEM",
    "IRP_MN_COMPLETE",
    "IRP_MN_COMPRESSED",
    "IRP_MN_DEVICE_ENUMERATED",
    "IRP_MN_DEVICE_USAGE_NOTIFICATION",
    "IRP_MN_DISABLE_COLLECTION",
    "IRP_MN_DISABLE_EVENTS",
    "IRP_MN_DPC",
    "IRP_MN_EJECT",
    "IRP_MN_ENABLE_COLLECTION",
    "IRP_MN_ENABLE_EVENTS",
    "IRP_MN_EXECUTE_METHOD",
    "IRP_MN_FILTER_RESOURCE_REQUIREMENTS",
    "IRP_MN_MDL",
    "IRP_MN_NORMAL",
    "IRP_MN_POWER_SEQUENCE",
    "IRP_MN_QUERY_ALL_DATA",
    "IRP_MN_QUERY_BUS_INFORMATION",
    "IRP_MN_QUERY_CAPABILITIES",
    "IRP_MN_QUERY_DEVICE_RELATIONS",
    "IRP_MN_QUERY_DEVICE_TEXT",
    "IRP_MN_QUERY_ID",
    "IRP_MN_QUERY_INTERFACE",
    "IRP_MN_QUERY_LEGACY_BUS_INFORMATION",
    "IRP_MN_QUERY_PNP_DEVICE_STATE",
    "IRP_MN_QUERY_POWER",
    "IRP_MN_QUERY_REMOVE_DEVICE",
    "IRP_MN_QUERY_RESOURCES",
    "IRP_MN_QUERY_RESOURCE_REQUIREMENTS",
    "IRP_MN_QUERY_SINGLE_INSTANCE",
    "IRP_MN_QUERY_STOP_DEVICE",
    "IRP_MN_READ_CONFIG",
    "IRP_MN_REGINFO",
    "IRP_MN_REGINFO_EX",
    "IRP_MN_REMOVE_DEVICE",
    "IRP_MN_SET_LOCK",
    "IRP_MN_SET_POWER",
    "IRP_MN_START_DEVICE",
    "IRP_MN_STOP_DEVICE",
    "IRP_MN_SURPRISE_REMOVAL",
    "IRP_MN_WAIT_WAKE",
    "IRP_MN_WRITE_CONFIG",
    "IRP_MOUNT_COMPLETION",
    "IRP_NOCACHE",
    "IRP_OB_QUERY_NAME",
    "IRP_PAGING_IO",
    "IRP_QUOTA_CHARGED",
    "IRP_READ_OPERATION",
    "IRP_RETRY_IO_COMPLETION",
    "IRP_SYNCHRONOUS_API",
    "IRP_SYNCHRONOUS_PAGING_IO",
    "IRP_WRITE_OPERATION",
    "KDEVICE_QUEUE",
    "KDEVICE_QUEUE_ENTRY",
    "KDPC",
    "KEVENT",
    "KINTERRUPT",
    "KMUTEX",
    "KSEMAPHORE",
    "KSPIN_LOCK",
    "KTHREAD",
    "KTIMER",
    "LOW_LEVEL",
    "LOW_PRIORITY",
    "LOW_REALTIME_PRIORITY",
    "MAP_REGISTERS",
    "MAXIMUM_PRIORITY",
    "MAXIMUM_PROCESSORS",
    "MAXIMUM_WAIT_OBJECTS",
    "MAX_DEVICE_ID_LEN",
    "MAX_GUID_STRING_LEN",
    "MDL",
    "MDL_ALLOCATED_FIXED_SIZE",
    "MDL_ALLOCATED_MUST_SUCCEED",
    "MDL_DESCRIBES_AWE",
    "MDL_FREE_EXTRA_PTES",
    "MDL_INTERNAL",
    "MDL_IO_PAGE_READ",
    "MDL_IO_SPACE",
    "MDL_MAPPED_TO_SYSTEM_VA",
    "MDL_MAPPING_CAN_FAIL",
    "MDL_NETWORK_HEADER",
    "MDL_PAGES_LOCKED",
    "MDL_PAGE_CONTENTS_INVARIANT",
    "MDL_PARENT_MAPPED_SYSTEM_VA",
    "MDL_PARTIAL",
    "MDL_PARTIAL_HAS_BEEN_MAPPED",
    "MDL_SOURCE_IS_NONPAGED_POOL",
    "MDL_WRITE_OPERATION",
    "METHOD_BUFFERED",
    "METHOD_FROM_CTL_CODE",
    "METHOD_IN_DIRECT",
    "METHOD_NEITHER",
    "METHOD_OUT_DIRECT",
    "MUTANT_INCREMENT",
    "NT_ERROR",
    "NT_INFORMATION",
    "NT_SUCCESS",
    "NT_WARNING",
    "PAGE_ALIGN",
    "PAGE_SHIFT",
    "PAGE_SIZE",
    "PASSIVE_LEVEL",
    "PNP_BUS_INFORMATION",
    "PNP_DEVICE_DISABLED",
    "PNP_DEVICE_DONT_DISPLAY_IN_UI",
    "PNP_DEVICE_FAILED",
    "PNP_DEVICE_NOT_DISABLEABLE",
    "PNP_DEVICE_REMOVED",
    "PNP_DEVICE_RESOURCE_REQUIREMENTS_CHANGED",
    "POOL_ALIGNMENT",
    "POOL_COLD_ALLOCATION",
    "POOL_FLAG_CACHE_ALIGNED",
    "POOL_FLAG_NON_PAGED",
    "POOL_FLAG_NON_PAGED_EXECUTE",
    "POOL_FLAG_PAGED",
    "POOL_FLAG_RAISE_ON_FAILURE",
    "POOL_FLAG_SESSION",
    "POOL_FLAG_UNINITIALIZED",
    "POOL_FLAG_USE_QUOTA",
    "POOL_QUOTA_FAIL_INSTEAD_OF_RAISE",
    "POOL_RAISE_IF_ALLOCATION_FAILURE",
    "POOL_TAG",
    "POWER_LEVEL",
    "PROFILE_LEVEL",
    "READ_PORT_BUFFER_UCHAR",
    "READ_PORT_BUFFER_ULONG",
    "READ_PORT_BUFFER_USHORT",
    "READ_PORT_UCHAR",
    "READ_PORT_ULONG",
    "READ_PORT_USHORT",
    "READ_REGISTER_BUFFER_UCHAR",
    "READ_REGISTER_BUFFER_ULONG",
    "READ_REGISTER_BUFFER_USHORT",
    "READ_REGISTER_UCHAR",
    "READ_REGISTER_ULONG",
    "READ_REGISTER_USHORT",
    "ROUND_TO_PAGES",
    "SCATTER_GATHER_ELEMENT",
    "SCATTER_GATHER_LIST",
    "SEMAPHORE_INCREMENT",
    "SL_ERROR_RETURNED",
    "SL_INVOKE_ON_CANCEL",
    "SL_INVOKE_ON_ERROR",
    "SL_INVOKE_ON_SUCCESS",
    "SL_PENDING_RETURNED",
    "STATUS_ABANDONED",
    "STATUS_ABANDONED_WAIT_0",
    "STATUS_ACCESS_DENIED",
    "STATUS_ACCESS_VIOLATION",
    "STATUS_ADAPTER_HARDWARE_ERROR",
    "STATUS_ALERTED",
    "STATUS_ASSERTION_FAILURE",
    "STATUS_BAD_DEVICE_TYPE",
    "STATUS_BUFFER_OVERFLOW",
    "STATUS_BUFFER_TOO_SMALL",
    "STATUS_CANCELLED",
    "STATUS_CONFLICTING_ADDRESSES",
    "STATUS_CRC_ERROR",
    "STATUS_DATATYPE_MISALIGNMENT",
    "STATUS_DATA_ERROR",
    "STATUS_DATA_LATE_ERROR",
    "STATUS_DATA_OVERRUN",
    "STATUS_DELETE_PENDING",
    "STATUS_DEVICE_ALREADY_ATTACHED",
    "STATUS_DEVICE_BUSY",
    "STATUS_DEVICE_CONFIGURATION_ERROR",
    "STATUS_DEVICE_DATA_ERROR",
    "STATUS_DEVICE_DOES_NOT_EXIST",
    "STATUS_DEVICE_ENUMERATION_ERROR",
    "STATUS_DEVICE_INSUFFICIENT_RESOURCES",
    "STATUS_DEVICE_NOT_CONNECTED",
    "STATUS_DEVICE_NOT_READY",
    "STATUS_DEVICE_OFF_LINE",
    "STATUS_DEVICE_PAPER_EMPTY",
    "STATUS_DEVICE_POWER_FAILURE",
    "STATUS_DEVICE_PROTOCOL_ERROR",
    "STATUS_DEVICE_REMOVED",
    "STATUS_DEVICE_REQUIRES_CLEANING",
    "STATUS_DRIVER_UNABLE_TO_LOAD",
    "STATUS_END_OF_FILE",
    "STATUS_ENTRYPOINT_NOT_FOUND",
    "STATUS_FILE_CLOSED",
    "STATUS_FILE_INVALID",
    "STATUS_GUARD_PAGE_VIOLATION",
    "STATUS_ILLEGAL_INSTRUCTION",
    "STATUS_IMAGE_ALREADY_LOADED",
    "STATUS_INFO_LENGTH_MISMATCH",
    "STATUS_INSUFFICIENT_RESOURCES",
    "STATUS_INTEGER_DIVIDE_BY_ZERO",
    "STATUS_INTEGER_OVERFLOW",
    "STATUS_INTERNAL_ERROR",
    "STATUS_INVALID_ADDRESS",
    "STATUS_INVALID_BUFFER_SIZE",
    "STATUS_INVALID_DEVICE_OBJECT_PARAMETER",
    "STATUS_INVALID_DEVICE_REQUEST",
    "STATUS_INVALID_DEVICE_STATE",
    "STATUS_INVALID_HANDLE",
    "STATUS_INVALID_INFO_CLASS",
    "STATUS_INVALID_PAGE_PROTECTION",
    "STATUS_INVALID_PARAMETER",
    "STATUS_INVALID_PARAMETER_1",
    "STATUS_INVALID_PARAMETER_2",
    "STATUS_INVALID_PARAMETER_3",
    "STATUS_INVALID_PARAMETER_MIX",
    "STATUS_INVALID_USER_BUFFER",
    "STATUS_IO_DEVICE_ERROR",
    "STATUS_IO_TIMEOUT",
    "STATUS_KERNEL_APC",
    "STATUS_MEDIA_WRITE_PROTECTED",
    "STATUS_MORE_ENTRIES",
    "STATUS_MORE_PROCESSING_REQUIRED",
    "STATUS_MUTANT_LIMIT_EXCEEDED",
    "STATUS_MUTANT_NOT_OWNED",
    "STATUS_NAME_TOO_LONG",
    "STATUS_NONEXISTENT_SECTOR",
    "STATUS_NOTIFY_ENUM_DIR",
    "STATUS_NOT_FOUND",
    "STATUS_NOT_IMPLEMENTED",
    "STATUS_NOT_SUPPORTED",
    "STATUS_NO_MATCH",
    "STATUS_NO_MEDIA_IN_DEVICE",
    "STATUS_NO_MEMORY",
    "STATUS_NO_MORE_ENTRIES",
    "STATUS_NO_MORE_FILES",
    "STATUS_NO_SUCH_DEVICE",
    "STATUS_NO_SUCH_FILE",
    "STATUS_NO_YIELD_PERFORMED",
    "STATUS_OBJECT_NAME_COLLISION",
    "STATUS_OBJECT_NAME_EXISTS",
    "STATUS_OBJECT_NAME_INVALID",
    "STATUS_OBJECT_NAME_NOT_FOUND",
    "STATUS_OBJECT_NO_LONGER_EXISTS",
    "STATUS_OBJECT_PATH_INVALID",
    "STATUS_OBJECT_PATH_NOT_FOUND",
    "STATUS_OBJECT_PATH_SYNTAX_BAD",
    "STATUS_OBJECT_TYPE_MISMATCH",
    "STATUS_PARTIAL_COPY",
    "STATUS_PENDING",
    "STATUS_PLUGPLAY_NO_DEVICE",
    "STATUS_PORT_DISCONNECTED",
    "STATUS_POSSIBLE_DEADLOCK",
    "STATUS_PRIVILEGE_NOT_HELD",
    "STATUS_PROCEDURE_NOT_FOUND",
    "STATUS_PROCESS_IS_TERMINATING",
    "STATUS_QUOTA_EXCEEDED",
    "STATUS_REPARSE",
    "STATUS_REQUEST_ABORTED",
    "STATUS_REQUEST_NOT_ACCEPTED",
    "STATUS_RESOURCE_REQUIREMENTS_CHANGED",
    "STATUS_RETRY",
    "STATUS_SEMAPHORE_LIMIT_EXCEEDED",
    "STATUS_SHARING_VIOLATION",
    "STATUS_SUCCESS",
    "STATUS_THREAD_IS_TERMINATING",
    "STATUS_TIMEOUT",
    "STATUS_TOO_LATE",
    "STATUS_UNHANDLED_EXCEPTION",
    "STATUS_UNSUCCESSFUL",
    "STATUS_USER_APC",
    "STATUS_VERIFY_REQUIRED",
    "STATUS_WAIT_0",
    "STATUS_WAIT_1",
    "STATUS_WAIT_63",
    "SYNCH_LEVEL",
    "THREAD_WAIT_OBJECTS",
    "UNICODE_STRING_MAX_BYTES",
    "WAIT_IO_COMPLETION",
    "WAIT_OBJECT_0",
    "WAIT_TIMEOUT",
    "WRITE_PORT_BUFFER_UCHAR",
    "WRITE_PORT_BUFFER_ULONG",
    "WRITE_PORT_BUFFER_USHORT",
    "WRITE_PORT_UCHAR",
    "WRITE_PORT_ULONG",
    "WRITE_PORT_USHORT",
    "WRITE_REGISTER_BUFFER_UCHAR",
    "WRITE_REGISTER_BUFFER_ULONG",
    "WRITE_REGISTER_BUFFER_USHORT",
    "WRITE_REGISTER_UCHAR",
    "WRITE_REGISTER_ULONG",
    "WRITE_REGISTER_USHORT",
    "BusQueryCompatibleIDs",
    "BusQueryContainerID",
    "BusQueryDeviceID",
    "BusQueryDeviceSerialNumber",
    "BusQueryHardwareIDs",
    "BusQueryInstanceID",
    "BusRelations",
    "CmResourceShareDeviceExclusive",
    "CmResourceShareDriverExclusive",
    "CmResourceShareShared",
    "CmResourceShareUndetermined",
    "CmResourceTypeBusNumber",
    "CmResourceTypeConfigData",
    "CmResourceTypeDevicePrivate",
    "CmResourceTypeDeviceSpecific",
    "CmResourceTypeDma",
    "CmResourceTypeInterrupt",
    "CmResourceTypeMemory",
    "CmResourceTypeMemoryLarge",
    "CmResourceTypeNull",
    "CmResourceTypePort",
    "ConfigurationSpaceUndefined",
    "CriticalWorkQueue",
    "DeallocateObject",
    "DeallocateObjectKeepRegisters",
    "DelayExecution",
    "DelayedWorkQueue",
    "Eisa",
    "EjectionRelations",
    "EventNotificationObject",
    "EventSynchronizationObject",
    "ExAllocatePool2",
    "ExAllocatePoolWithTag",
    "ExFreePool",
    "ExFreePoolWithTag",
    "ExRaiseStatus",
    "ExceptionStatus",
    "Executive",
    "FreePage",
    "GateObject",
    "HalGetBusDataByOffset",
    "HalSetBusDataByOffset",
    "HighImportance",
    "HighPagePriority",
    "HyperCriticalWorkQueue",
    "InterfaceTypeUndefined",
    "Internal",
    "InterruptActiveHigh",
    "InterruptActiveLow",
    "InterruptFallingEdge",
    "InterruptPolarityUnknown",
    "InterruptRisingEdge",
    "IoAcquireCancelSpinLock",
    "IoAcquireRemoveLock",
    "IoAllocateIrp",
    "IoAllocateMdl",
    "IoAttachDeviceToDeviceStack",
    "IoBuildAsynchronousFsdRequest",
    "IoBuildDeviceIoControlRequest",
    "IoBuildPartialMdl",
    "IoBuildSynchronousFsdRequest",
    "IoCallDriver",
    "IoCancelIrp",
    "IoCompleteRequest",
    "IoConnectInterrupt",
    "IoConnectInterruptEx",
    "IoCopyCurrentIrpStackLocationToNext",
    "IoCreateDevice",
    "IoCreateSymbolicLink",
    "IoCsqInitialize",
    "IoCsqInitializeEx",
    "IoCsqInsertIrp",
    "IoCsqInsertIrpEx",
    "IoCsqRemoveIrp",
    "IoCsqRemoveNextIrp",
    "IoDeleteDevice",
    "IoDeleteSymbolicLink",
    "IoDetachDevice",
    "IoDisconnectInterrupt",
    "IoDisconnectInterruptEx",
    "IoForwardIrpSynchronously",
    "IoFreeIrp",
    "IoFreeMdl",
    "IoGetAttachedDevice",
    "IoGetAttachedDeviceReference",
    "IoGetCurrentIrpStackLocation",
    "IoGetDeviceObjectPointer",
    "IoGetDmaAdapter",
    "IoGetNextIrpStackLocation",
    "IoInitializeDpcRequest",
    "IoInitializeIrp",
    "IoInitializeRemoveLock",
    "IoMarkIrpPending",
    "IoModifyAccess",
    "IoReadAccess",
    "IoReleaseCancelSpinLock",
    "IoReleaseRemoveLock",
    "IoReleaseRemoveLockAndWait",
    "IoRequestDpc",
    "IoReuseIrp",
    "IoSetCancelRoutine",
    "IoSetCompletionRoutine",
    "IoSetNextIrpStackLocation",
    "IoSizeOfIrp",
    "IoSkipCurrentIrpStackLocation",
    "IoStartNextPacket",
    "IoStartNextPacketByKey",
    "IoStartPacket",
    "IoWriteAccess",
    "Isa",
    "KeAcquireInterruptSpinLock",
    "KeAcquireSpinLock",
    "KeAcquireSpinLockAtDpcLevel",
    "KeAcquireSpinLockForDpc",
    "KeCancelTimer",
    "KeClearEvent",
    "KeDelayExecutionThread",
    "KeFlushQueuedDpcs",
    "KeGetCurrentIrql",
    "KeGetCurrentProcessorNumber",
    "KeGetCurrentThread",
    "KeInitializeDeviceQueue",
    "KeInitializeDpc",
    "KeInitializeEvent",
    "KeInitializeMutex",
    "KeInitializeSemaphore",
    "KeInitializeSpinLock",
    "KeInitializeTimer",
    "KeInitializeTimerEx",
    "KeInsertByKeyDeviceQueue",
    "KeInsertDeviceQueue",
    "KeInsertQueueDpc",
    "KeLowerIrql",
    "KePulseEvent",
    "KeQueryInterruptTime",
    "KeQueryPerformanceCounter",
    "KeQueryPriorityThread",
    "KeQuerySystemTime",
    "KeQueryTickCount",
    "KeQueryTimeIncrement",
    "KeRaiseIrql",
    "KeRaiseIrqlToDpcLevel",
    "KeRaiseIrqlToSynchLevel",
    "KeReadStateEvent",
    "KeReadStateMutex",
    "KeReadStateSemaphore",
    "KeReadStateTimer",
    "KeReleaseInterruptSpinLock",
    "KeReleaseMutex",
    "KeReleaseSemaphore",
    "KeReleaseSpinLock",
    "KeReleaseSpinLockForDpc",
    "KeReleaseSpinLockFromDpcLevel",
    "KeRemoveByKeyDeviceQueue",
    "KeRemoveDeviceQueue",
    "KeRemoveEntryDeviceQueue",
    "KeRemoveQueueDpc",
    "KeResetEvent",
    "KeSetEvent",
    "KeSetImportanceDpc",
    "KeSetPriorityThread",
    "KeSetTargetProcessorDpc",
    "KeSetTimer",
    "KeSetTimerEx",
    "KeStallExecutionProcessor",
    "KeSynchronizeExecution",
    "KeTestSpinLock",
    "KeTryToAcquireSpinLockAtDpcLevel",
    "KeWaitForMultipleObjects",
    "KeWaitForSingleObject",
    "KeepObject",
    "KernelMode",
    "Latched",
    "LevelSensitive",
    "LowImportance",
    "LowPagePriority",
    "MdlMappingNoExecute",
    "MdlMappingNoWrite",
    "MediumHighImportance",
    "MediumImportance",
    "MicroChannel",
    "MmBuildMdlForNonPagedPool",
    "MmCached",
    "MmGetMdlByteCount",
    "MmGetMdlByteOffset",
    "MmGetMdlPfnArray",
    "MmGetMdlVirtualAddress",
    "MmGetSystemAddressForMdlSafe",
    "MmMapIoSpace",
    "MmNonCached",
    "MmPrepareMdlForReuse",
    "MmProbeAndLockPages",
    "MmUnlockPages",
    "MmUnmapIoSpace",
    "MmUnmapLockedPages",
    "MmWriteCombined",
    "MutantObject",
    "NonPagedPool",
    "NonPagedPoolCacheAligned",
    "NonPagedPoolExecute",
    "NonPagedPoolMustSucceed",
    "NonPagedPoolNx",
    "NonPagedPoolNxCacheAligned",
    "NormalPagePriority",
    "NotificationEvent",
    "NotificationTimer",
    "ObDereferenceObject",
    "ObReferenceObject",
    "PCIBus",
    "PCIConfiguration",
    "PageIn",
    "PagedPool",
    "PagedPoolCacheAligned",
    "PoolAllocation",
    "PowerDeviceD0",
    "PowerDeviceD1",
    "PowerDeviceD2",
    "PowerDeviceD3",
    "PowerDeviceUnspecified",
    "PowerRelations",
    "PowerSystemHibernate",
    "PowerSystemShutdown",
    "PowerSystemSleeping1",
    "PowerSystemSleeping2",
    "PowerSystemSleeping3",
    "PowerSystemUnspecified",
    "PowerSystemWorking",
    "ProbeForRead",
    "ProbeForWrite",
    "ProcessObject",
    "PsCreateSystemThread",
    "PsTerminateSystemThread",
    "QueueObject",
    "RemovalRelations",
    "RtlCompareMemory",
    "RtlCopyMemory",
    "RtlFillMemory",
    "RtlMoveMemory",
    "RtlReadMemory",
    "RtlStatusName",
    "RtlViewMemory",
    "RtlWriteMemory",
    "RtlZeroMemory",
    "SemaphoreObject",
    "SingleBusRelations",
    "Suspended",
    "SynchronizationEvent",
    "SynchronizationTimer",
    "TargetDeviceRelation",
    "ThreadObject",
    "TimerNotificationObject",
    "TimerSynchronizationObject",
    "TransportRelations",
    "TurboChannel",
    "UserMode",
    "UserRequest",
    "WaitAll",
    "WaitAny",
    "Width8Bits",
    "Width16Bits",
    "Width32Bits",
    "Width64Bits",
    "ZwCancelIoFile",
    "ZwCancelIoFileEx",
    "ZwClose",
    "ZwCreateDirectoryObject",
    "ZwCreateFile",
    "ZwDeviceIoControlFile",
    "ZwLoadDriver",
    "ZwMakeTemporaryObject",
    "ZwOpenSymbolicLinkObject",
    "ZwQuerySymbolicLinkObject",
    "ZwReadFile",
    "ZwUnloadDriver",
    "ZwWriteFile",
    "ZwYieldExecution",
]

# The I/O manager.

IoCsqInitialize = IO_CSQ.initialize
IoCsqInitializeEx = IO_CSQ.initialize_ex
IoCsqInsertIrp = IO_CSQ.insert_irp
IoCsqInsertIrpEx = IO_CSQ.insert
IoCsqRemoveIrp = IO_CSQ.remove_irp
IoCsqRemoveNextIrp = IO_CSQ.remove_next_irp
IoAttachDeviceToDeviceStack = DEVICE_OBJECT.attach_to_device_stack
IoCallDriver = DEVICE_OBJECT.call_driver
IoDeleteDevice = DEVICE_OBJECT.delete
IoDetachDevice = DEVICE_OBJECT.detach_device
IoGetAttachedDevice = DEVICE_OBJECT.top_of_stack
IoGetAttachedDeviceReference = DEVICE_OBJECT.attached_device_reference
IoInitializeDpcRequest = DEVICE_OBJECT.initialize_dpc_request
IoRequestDpc = DEVICE_OBJECT.request_dpc
IoStartNextPacket = DEVICE_OBJECT.start_next_packet
IoStartNextPacketByKey = DEVICE_OBJECT.start_next_packet_by_key
IoStartPacket = DEVICE_OBJECT.start_packet
IoCancelIrp = IRP.cancel_irp
IoCompleteRequest = IRP.complete_request
IoCopyCurrentIrpStackLocationToNext = IRP.copy_current_stack_location_to_next
IoFreeIrp = IRP.free
IoGetCurrentIrpStackLocation = IRP.get_current_stack_location
IoGetNextIrpStackLocation = IRP.get_next_stack_location
IoInitializeIrp = IRP.initialize
IoMarkIrpPending = IRP.mark_pending
IoReuseIrp = IRP.reuse
IoSetCancelRoutine = IRP.set_cancel_routine
IoSetCompletionRoutine = IRP.set_completion_routine
IoSetNextIrpStackLocation = IRP.set_next_stack_location
IoSkipCurrentIrpStackLocation = IRP.skip_current_stack_location
IoAcquireRemoveLock = IO_REMOVE_LOCK.acquire
IoInitializeRemoveLock = IO_REMOVE_LOCK.initialize
IoReleaseRemoveLock = IO_REMOVE_LOCK.release
IoReleaseRemoveLockAndWait = IO_REMOVE_LOCK.release_and_wait

# The kernel.

KeInitializeDeviceQueue = KDEVICE_QUEUE.initialize
KeInsertByKeyDeviceQueue = KDEVICE_QUEUE.insert_by_key
KeInsertDeviceQueue = KDEVICE_QUEUE.insert
KeRemoveByKeyDeviceQueue = KDEVICE_QUEUE.remove_by_key
KeRemoveDeviceQueue = KDEVICE_QUEUE.remove
KeRemoveEntryDeviceQueue = KDEVICE_QUEUE.remove_entry
KeInitializeDpc = KDPC.initialize
KeInsertQueueDpc = KDPC.insert_queue
KeRemoveQueueDpc = KDPC.remove_queue
KeSetImportanceDpc = KDPC.set_importance
KeSetTargetProcessorDpc = KDPC.set_target_processor
KeClearEvent = KEVENT.clear
KeInitializeEvent = KEVENT.initialize
KePulseEvent = KEVENT.pulse
KeReadStateEvent = KEVENT.read_state
KeResetEvent = KEVENT.reset
KeSetEvent = KEVENT.set
IoConnectInterrupt = KINTERRUPT.connect
IoDisconnectInterrupt = KINTERRUPT.disconnect
KeAcquireInterruptSpinLock = KINTERRUPT.acquire_spin_lock
KeReleaseInterruptSpinLock = KINTERRUPT.release_spin_lock
KeSynchronizeExecution = KINTERRUPT.synchronize_execution
KeInitializeMutex = KMUTEX.initialize
KeReadStateMutex = KMUTEX.read_state
KeReleaseMutex = KMUTEX.release
KeInitializeSemaphore = KSEMAPHORE.initialize
KeReadStateSemaphore = KSEMAPHORE.read_state
KeReleaseSemaphore = KSEMAPHORE.release
KeAcquireSpinLock = KSPIN_LOCK.acquire
KeAcquireSpinLockAtDpcLevel = KSPIN_LOCK.acquire_at_dpc_level
KeAcquireSpinLockForDpc = KSPIN_LOCK.acquire_for_dpc
KeInitializeSpinLock = KSPIN_LOCK.initialize
KeReleaseSpinLock = KSPIN_LOCK.release
KeReleaseSpinLockForDpc = KSPIN_LOCK.release_for_dpc
KeReleaseSpinLockFromDpcLevel = KSPIN_LOCK.release_from_dpc_level
KeTestSpinLock = KSPIN_LOCK.test
KeTryToAcquireSpinLockAtDpcLevel = KSPIN_LOCK.try_to_acquire_at_dpc_level
KeQueryPriorityThread = KTHREAD.query_priority
KeSetPriorityThread = KTHREAD.set_priority
KeCancelTimer = KTIMER.cancel
KeInitializeTimer = KTIMER.initialize
KeInitializeTimerEx = KTIMER.initialize_ex
KeReadStateTimer = KTIMER.read_state
KeSetTimer = KTIMER.set
KeSetTimerEx = KTIMER.set_ex

# Memory.

IoBuildPartialMdl = MDL.build_partial
IoFreeMdl = MDL.free
MmBuildMdlForNonPagedPool = MDL.build_for_non_paged_pool
MmGetSystemAddressForMdlSafe = MDL.get_system_address_safe
MmPrepareMdlForReuse = MDL.prepare_for_reuse
MmProbeAndLockPages = MDL.probe_and_lock_pages
MmUnlockPages = MDL.unlock_pages

# Objects.

ObReferenceObject = _Object.reference
ObDereferenceObject = _Object.dereference
