// zstd, whose frames carry a checksum of their content.

internal import CZstd

/// Compresses contents into frames of zstd.
struct Compressor: ~Copyable {
  private let context: OpaquePointer
  /// The last frame.
  private(set) var frame: [UInt8] = []

  /// - Parameter level: zstd's, -7 to 19; higher is smaller and slower.
  init(level: Int) {
    guard let context = ZSTD_createCCtx() else { preconditionFailure("no memory for zstd") }
    self.context = context
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
  }

  deinit { ZSTD_freeCCtx(context) }

  /// Compresses one content into `frame`.
  mutating func compress(_ content: UnsafeRawBufferPointer) {
    let bound = ZSTD_compressBound(content.count)
    if frame.count < bound { frame = Array(repeating: 0, count: bound) }
    let size = frame.withUnsafeMutableBytes {
      ZSTD_compress2(context, $0.baseAddress, $0.count, content.baseAddress, content.count)
    }
    // It can fail only without memory: the target is as large as it may have to be.
    precondition(ZSTD_isError(size) == 0, "zstd failed to compress")
    frame.removeLast(frame.count - size)
  }
}

/// Decompresses frames into memory that is used again.
final class Decompressor {
  private let context: OpaquePointer
  private var content = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  init() {
    guard let context = ZSTD_createDCtx() else { preconditionFailure("no memory for zstd") }
    self.context = context
  }

  deinit {
    ZSTD_freeDCtx(context)
    content.deallocate()
  }

  /// The content of exactly one frame; nil if the frame is damaged or holds another number of
  /// bytes. Valid until the next call.
  func decompress(_ frame: UnsafeRawBufferPointer, contentBytes: Int) -> UnsafeRawBufferPointer? {
    guard ZSTD_getFrameContentSize(frame.baseAddress, frame.count) == UInt64(contentBytes),
      ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count) == frame.count
    else { return nil }
    if content.count < contentBytes {
      content.deallocate()
      content = .allocate(byteCount: max(contentBytes, 1 << 20), alignment: 64)
    }
    let size = ZSTD_decompressDCtx(
      context, content.baseAddress, contentBytes, frame.baseAddress, frame.count)
    guard ZSTD_isError(size) == 0, size == contentBytes else { return nil }
    return UnsafeRawBufferPointer(start: content.baseAddress, count: contentBytes)
  }
}
