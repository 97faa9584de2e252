// Hints to the CPU's caches.

internal import CKernels

/// Starts loading a cache line that will be read soon.
@inline(__always)
func prefetchLine(_ address: UnsafeRawPointer) { rookery_prefetch(address) }
