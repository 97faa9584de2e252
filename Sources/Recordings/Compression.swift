// zstd, whose frames carry a checksum of their content.

internal import CZstd

/// Compresses contents into blocks: a header, a frame of zstd, and what follows it, one after the
/// other in memory that is used again, so that one call writes them.
struct Compressor: ~Copyable {
  private let context: OpaquePointer
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  /// Bytes of the last frame.
  private(set) var frameBytes = 0

  /// - Parameter level: zstd's, -7 to 19; higher is smaller and slower.
  init(level: Int) {
    guard let context = ZSTD_createCCtx() else { preconditionFailure("no memory for zstd") }
    self.context = context
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
  }

  deinit {
    ZSTD_freeCCtx(context)
    memory.deallocate()
  }

  /// Compresses one content into the frame.
  mutating func compress(_ content: UnsafeRawBufferPointer) {
    let bound = ZSTD_compressBound(content.count)
    reserve(bound)
    let target = memory.baseAddress! + BlockHeader.byteCount
    let size = ZSTD_compress2(context, target, bound, content.baseAddress, content.count)
    // It can fail only without memory: the target is as large as it may have to be.
    precondition(ZSTD_isError(size) == 0, "zstd failed to compress")
    frameBytes = size
  }

  /// Takes a frame that is compressed already.
  mutating func copy(_ frame: UnsafeRawBufferPointer) {
    reserve(frame.count)
    UnsafeMutableRawBufferPointer(rebasing: memory[BlockHeader.byteCount...]).copyMemory(from: frame)
    frameBytes = frame.count
  }

  /// The block of the last frame; valid until the next call.
  /// - Parameter trailer: at most 32 bytes, which follow the frame.
  mutating func block(_ header: BlockHeader, trailer: [UInt8]) -> UnsafeRawBufferPointer {
    precondition(trailer.count <= Trailer.byteCount)
    memory.copyBytes(from: header.encode())
    let end = BlockHeader.byteCount + frameBytes
    UnsafeMutableRawBufferPointer(rebasing: memory[end...]).copyBytes(from: trailer)
    return UnsafeRawBufferPointer(rebasing: memory[..<(end + trailer.count)])
  }

  private mutating func reserve(_ frameBytes: Int) {
    let bytes = BlockHeader.byteCount + frameBytes + Trailer.byteCount
    guard memory.count < bytes else { return }
    memory.deallocate()
    memory = .allocate(byteCount: bytes, alignment: 64)
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

  /// The most content of a byte of a frame: a block of 4 bytes may stand for 128 KiB of one value.
  private static let ratioMax = 1 << 15

  /// The content of exactly one frame; nil if the frame is damaged or holds another number of
  /// bytes. Valid until the next call.
  func decompress(_ frame: UnsafeRawBufferPointer, contentBytes: Int) -> UnsafeRawBufferPointer? {
    // No memory is taken for a size that the frame cannot have.
    guard contentBytes / Self.ratioMax <= frame.count,
      ZSTD_getFrameContentSize(frame.baseAddress, frame.count) == UInt64(contentBytes),
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
