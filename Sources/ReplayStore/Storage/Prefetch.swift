// Hints to the memory.

internal import CKernels

/// Asks for a cache line that is read soon.
@inline(__always)
func prefetchLine(_ address: UnsafeRawPointer) { rookery_prefetch(address) }
