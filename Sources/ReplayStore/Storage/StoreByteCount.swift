// How much memory and disk a store needs.

/// Bytes of a full store, part by part.
public struct StoreByteCount: Hashable, Sendable {
  /// Steps that the ring can hold.
  public var capacity: Int
  /// Rows of small fields and arenas of large ones.
  public var steps: Int
  /// The chunk directory, if chunks have 32 steps, and each step's reference into it.
  public var directory: Int
  /// Item records, selectors and priority trees of all tables.
  public var tables: Int

  /// All of it.
  public var total: Int { steps + directory + tables }

  /// How the bytes divide into memory and disk. Pages of files are in memory only while there is
  /// room.
  public func split(by storage: StorageKind) -> (memory: Int, disk: Int) {
    switch storage {
    case .memory: (total, 0)
    // Item and chunk records are in files too.
    case .file: (directory + tables, steps + directory + tables)
    }
  }
}

extension StoreByteCount: CustomStringConvertible {
  /// `1000000 steps = 7.1 GB (steps 7.1 GB, directory 5.3 MB, tables 12.7 MB)`, in powers of ten.
  public var description: String {
    "\(capacity) steps = \(Self.text(total)) (steps \(Self.text(steps)), directory \(Self.text(directory)), "
      + "tables \(Self.text(tables)))"
  }

  static func text(_ bytes: Int) -> String {
    var value = Double(bytes)
    var unit = 0
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return unit == 0 ? "\(bytes) B" : "\((value * 10).rounded() / 10) \(units[unit])"
  }
}
