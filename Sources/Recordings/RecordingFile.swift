// Appends to a recording.

public import Foundations
internal import Glibc
internal import Synchronization
internal import Wire

/// A recording that is being written. Any thread may use it; calls wait for each other. One process
/// writes a file at a time.
///
/// Blocks are appended whole. What a crash or a full disk cuts short is removed: by the failed
/// call, or when the file is opened again.
public final class RecordingFile: Sendable {
  public let path: String
  /// What the file held when it was opened.
  public let found: Found
  private let state: Mutex<State>

  /// What a file holds that is gone on with.
  public struct Found: Sendable {
    /// The sources, by number; nil where a description is damaged.
    public var sources: [RecordingSource?] = []
    /// The last message of each source that the file tells of, by the source's number.
    public var lastNumbers: [UInt64] = []
    /// What of the experience it holds, in words; nil if that is damaged.
    public var filter: String?
    /// Messages in it.
    public var messages: UInt64 = 0
    /// Bytes of a cut or damaged end, which were removed.
    public var bytesRemoved: UInt64 = 0

    public init() {}
  }

  fileprivate struct State: ~Copyable {
    let descriptor: Int32
    var compressor: Compressor
    var blocks: [RecordingBlock]
    var sources: Int
    var end: UInt64

    deinit {
      // A child that was forked and has not executed its program yet would hold it on.
      flock(descriptor, LOCK_UN)
      close(descriptor)
    }
  }

  /// Opens a file and goes on with it, or makes it.
  ///
  /// - Parameters:
  ///   - level: zstd's, -7 to 19.
  ///   - isNew: refuse a file that exists.
  /// - Throws: `RecordingError` if there is a file that is no recording, or another process writes
  ///   it. Such a file is left as it is.
  public init(path: String, about: RecordingAbout, level: Int, isNew: Bool = false) throws(RecordingError) {
    self.path = path
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (isNew ? O_EXCL : 0), 0o600)
    guard descriptor >= 0 else {
      if isNew, errno == EEXIST {
        throw RecordingError(path, "expected no file of this name, found one: name another, or remove it")
      }
      throw RecordingError(path, "\(SystemCallError.last("write"))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw RecordingError(path, "another process writes this file: end that one, or name another file")
    }
    var state = State(
      descriptor: descriptor, compressor: Compressor(level: level), blocks: [], sources: 0, end: 0)
    var found = Found()
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw RecordingError(path, "expected a file, found something else: name another")
    }
    if status.st_size > 0 {
      try state.goOn(path, bytes: UInt64(status.st_size), &found)
      if let earlier = found.filter, earlier != about.filter {
        func words(_ filter: String) -> String { filter.isEmpty ? "everything" : filter }
        throw RecordingError(
          path,
          "expected a recording of \(words(about.filter)), found one of \(words(earlier)): name another file")
      }
    } else {
      let writer = FrameWriter()
      about.encode(into: writer)
      do throws(SystemCallError) {
        try state.append(BlockHeader(kind: .about), writer.array(), path)
      } catch {
        if isNew { unlink(path) }
        throw RecordingError(path, "\(error)")
      }
    }
    self.found = found
    self.state = Mutex(state)
  }

  /// Bytes of the file so far.
  public var byteCount: UInt64 { state.withLock { $0.end } }

  /// Adds a source; returns its number.
  /// - Throws: `SystemCallError` (disk full, …); the file is then unchanged.
  public func add(_ source: RecordingSource) throws(SystemCallError) -> Int {
    let writer = FrameWriter()
    source.encode(into: writer)
    let content = writer.array()
    return try state.withLock { state throws(SystemCallError) in
      var header = BlockHeader(kind: .source)
      header.source = UInt32(state.sources)
      header.firstTime = source.time
      header.lastTime = source.time
      try state.append(header, content, path)
      state.sources += 1
      return state.sources - 1
    }
  }

  /// Appends a block of messages.
  /// - Throws: `SystemCallError` (disk full, …); the file is then unchanged.
  public func append(_ block: BlockBuilder) throws(SystemCallError) {
    try state.withLock { state throws(SystemCallError) in
      try state.append(block.header, block.content, path)
    }
  }

  /// Ends the file with its index, and waits until the disk has it. The file may be gone on with.
  /// - Throws: `SystemCallError`; the file can be read without an index.
  public func finish() throws(SystemCallError) {
    try state.withLock { state throws(SystemCallError) in
      let writer = FrameWriter(capacity: 1 << 16)
      BlockIndex.encode(state.blocks, into: writer)
      let trailer = Trailer.encode(index: state.end)
      try state.append(BlockHeader(kind: .index), writer.array(), followedBy: trailer, path)
      guard fsync(state.descriptor) == 0 else { throw .last("write", path) }
    }
  }
}

extension RecordingFile {
  /// Appends a block of another recording as it is, without its content being compressed again.
  ///
  /// - Parameters:
  ///   - header: of the block, with the source's number in this file.
  ///   - frame: the block's frame.
  /// - Throws: `SystemCallError` (disk full, …); the file is then unchanged.
  func append(_ header: BlockHeader, frame: [UInt8]) throws(SystemCallError) {
    try state.withLock { state throws(SystemCallError) in
      frame.withUnsafeBytes { state.compressor.copy($0) }
      try state.appendFrame(header, path)
    }
  }
}

extension RecordingFile.State {
  /// Finds what a file holds, and removes a cut or damaged end.
  fileprivate mutating func goOn(
    _ path: String, bytes: UInt64, _ found: inout RecordingFile.Found
  ) throws(RecordingError) {
    let reader = try RecordingReader(path: path, scans: true)
    guard let scan = reader.scan else { preconditionFailure("the file was not scanned") }
    if let other = scan.otherRecording {
      throw RecordingError(
        path,
        "expected one recording, found another from byte \(other) on: go on with another file, or copy what "
          + "can be read with 'rookery recording cut \(path) --out NEW'")
    }
    found.sources = reader.sources
    found.filter = reader.about?.filter
    found.lastNumbers = reader.sources.map { _ in 0 }
    for block in reader.blocks where found.lastNumbers.indices.contains(Int(block.header.source)) {
      let number = Int(block.header.source)
      found.lastNumbers[number] = max(found.lastNumbers[number], block.header.lastNumber)
      found.messages += block.header.messages
    }
    found.bytesRemoved = bytes - scan.end
    ftruncate(descriptor, off_t(scan.end))
    blocks = scan.blocks.filter { $0.header.kind != .index }
    // Also the number of a source whose description is lost: its messages must not become
    // another's.
    sources = reader.sources.count
    end = scan.end
  }

  /// Appends a block, all or nothing.
  fileprivate mutating func append(
    _ header: BlockHeader, _ content: [UInt8], followedBy trailer: [UInt8] = [], _ path: String
  ) throws(SystemCallError) {
    precondition(content.count <= BlockHeader.contentBytesMax, "a block larger than readers accept")
    var header = header
    content.withUnsafeBytes { compressor.compress($0) }
    header.contentBytes = UInt64(content.count)
    try appendFrame(header, followedBy: trailer, path)
  }

  /// Appends the frame that the compressor holds, all or nothing. Header, frame and trailer are
  /// written by one call, so that those who read the file meanwhile hardly ever see a part.
  fileprivate mutating func appendFrame(
    _ header: BlockHeader, followedBy trailer: [UInt8] = [], _ path: String
  ) throws(SystemCallError) {
    var header = header
    header.compressedBytes = UInt64(compressor.frameBytes)
    let bytes = compressor.block(header, trailer: trailer)
    var done = 0
    while done < bytes.count {
      let written = pwrite(
        descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(end) + off_t(done))
      if written < 0 {
        if errno == EINTR { continue }
        let error = SystemCallError.last("write", path)
        ftruncate(descriptor, off_t(end))
        throw error
      }
      done += written
    }
    if header.kind != .index { blocks.append(RecordingBlock(offset: end, header: header)) }
    end += UInt64(bytes.count)
  }
}
