// A store on disk, whose files may be damaged.

import Experience
import Foundations
import Glibc

@testable import ReplayStore
@testable import Services

/// The first byte of an input selects the replay, the second what happens to its files. The rest
/// decides the changes to the files, and then the conversation.
enum FolderTarget {
  /// Prepared before the first input, which it would make slow.
  static func prepare() { _ = templates }

  static func run(_ input: UnsafeRawBufferPointer) {
    var source = ByteSource(input)
    let number = source.below(ReplayVariant.allCases.count)
    let (variant, store) = (ReplayVariant.allCases[number], "\(Files.root)/store")
    defer { Files.remove(store) }
    switch source.below(4) {
    case 0: converse(variant, store, source)
    case 1:
      Files.write(folder: store, damaged(templates[number].snapshot, &source))
      if source.rarely(2) { return restore(variant, store) }
      var configuration = variant.machine()
      configuration.initialSnapshot = store
      var script = ReplayScript(variant, configuration, source, isDamaged: true)
      script?.run()
    default:
      Files.write(folder: store, damaged(templates[number].store, &source))
      var script = ReplayScript(variant, configuration(variant, store, &source), source, isDamaged: true)
      script?.run()
    }
  }

  /// With whole files, and several incarnations.
  private static func converse(_ variant: ReplayVariant, _ store: String, _ source: ByteSource) {
    let snapshots = "\(Files.root)/snapshots"
    mkdir(snapshots, 0o755)
    for name in ["one", "two", "three"] { mkdir("\(snapshots)/\(name)", 0o755) }
    defer { Files.remove(snapshots) }
    var source = source
    var configuration = configuration(variant, store, &source)
    configuration.snapshotFolder = snapshots
    var script = ReplayScript(variant, configuration, source)
    script?.run()
  }

  private static func configuration(
    _ variant: ReplayVariant, _ store: String, _ source: inout ByteSource
  ) -> ReplayMachine.Configuration {
    var configuration = variant.machine(.file(path: store))
    // Batches wait for prefetches.
    if source.rarely(2) { configuration.store.residentMax = 0 }
    return configuration
  }

  /// Restores into an empty replay, whose own checks accept only whole content.
  private static func restore(_ variant: ReplayVariant, _ snapshot: String) {
    do throws(ReplayStoreError) {
      let store = try ReplayStore(configuration: variant.store())
      let restore = try Restore(from: snapshot, into: store, writer: 7)
      defer {
        let problem = store.checkInvariants()
        expect(problem == nil, "\(variant), restored: \(problem ?? "")")
      }
      while !restore.progress.isCopied { try restore.advance(bytes: 200) }
    } catch {
      expect(error.description.utf8.count < 4096, "a reason of \(error.description.utf8.count) bytes")
    }
  }
}

// MARK: - Files

extension FolderTarget {
  typealias FileList = [(name: String, bytes: [UInt8])]

  /// For each variant a store that has wrapped, and a snapshot of it.
  private static let templates = ReplayVariant.allCases.map(template)

  private static func template(_ variant: ReplayVariant) -> (store: FileList, snapshot: FileList) {
    let (path, snapshot) = ("\(Files.root)/template", "\(Files.root)/template-snapshot")
    defer {
      Files.remove(path)
      Files.remove(snapshot)
    }
    let script = ReplayScript.plain(variant, variant.machine(.file(path: path)))
    let store = script.machine.store
    expect(
      store.statistics.tail > 0 && store.statistics.tables.allSatisfy { $0.size > 0 },
      "\(variant): a template without items: \(store.statistics)")
    expect((try? store.beginSnapshot(at: snapshot)) != nil, "no snapshot can be begun")
    while store.continueSnapshot(bytes: 100)?.isCopied == false {}
    expect(ReplayStore.publishSnapshot(at: snapshot) == nil, "no snapshot can be made")
    return (Files.read(folder: path), Files.read(folder: snapshot))
  }

  private static func damaged(_ files: FileList, _ source: inout ByteSource) -> FileList {
    var files = files
    let isChecked = source.rarely(2)
    for _ in 0..<source.below(12) {
      let index = source.below(files.count)
      switch source.below(8) {
      case 0: files[index].bytes.removeLast(min(files[index].bytes.count, Int(source.number() % 5000)))
      case 1: files[index].bytes += Array(repeating: source.byte(), count: Int(source.number() % 5000))
      case 2...5: put(source.number(), width: [2, 4, 8][source.below(3)], &files[index], &source)
      case 6: put(UInt64(Float(source.float()).bitPattern), width: 4, &files[index], &source)
      default: if source.rarely(8) { files[index].bytes = [] }
      }
    }
    if isChecked {
      for index in files.indices where files[index].name.hasPrefix("chunks-") { check(&files[index].bytes) }
    }
    return files
  }

  /// Near the start, where files hold most of their content.
  private static func put(
    _ value: UInt64, width: Int, _ file: inout (name: String, bytes: [UInt8]), _ source: inout ByteSource
  ) {
    let offset =
      source.rarely(16) ? Int(source.byte()) * 256 : (Int(source.byte()) << 1 | source.below(2)) * width
    guard offset + width <= file.bytes.count else { return }
    withUnsafeBytes(of: value.littleEndian) {
      file.bytes.replaceSubrange(offset..<offset + width, with: $0[..<width])
    }
  }

  /// Makes the records' checks match the changed bytes, as an attacker would.
  private static func check(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { bytes in
      for offset in stride(from: 0, to: bytes.count - 63, by: 64) {
        var record = bytes.loadUnaligned(fromByteOffset: offset, as: ChunkRecord.self)
        guard record.count > 0 else { continue }
        record.recordChecksum = record.expectedRecordChecksum
        bytes.storeBytes(of: record, toByteOffset: offset, as: ChunkRecord.self)
      }
    }
  }
}
