// The items of all tables that an actor writes to.

internal import Algorithms
internal import Experience
internal import Wire

/// Tells the tables' makers of items what happens to rows. Kinds are kept apart, so that a table costs a loop of its own and no
/// dispatch a row.
struct ActorItems {
  private var transitions: [(table: Int, items: TransitionItems)] = []
  private var sequences: [(table: Int, items: SequenceItems)] = []
  private var records: [(table: Int, items: RecordItems)] = []

  /// - Parameters:
  ///   - count: environments.
  ///   - tables: in the order agreed at HELLO.
  ///   - priority: the policy's, of transitions.
  init(count: Int, tables: [TableSchema], priority: TransitionPriority?) {
    for (number, table) in tables.enumerated() {
      switch table.kind {
      case .transition(let nStep, let discount):
        transitions.append(
          (
            number,
            TransitionItems(
              count: count, nStep: nStep, discount: discount, priority: priority)
          ))
      case .sequence(let length, let period, let episodes):
        sequences.append(
          (number, SequenceItems(count: count, length: length, period: period, episodes: episodes)))
      case .record: records.append((number, RecordItems()))
      }
    }
  }

  /// The row at stream index `index` has been acted on: completes the items that end with it.
  ///
  /// - Parameter range: the environments whose flags and values these are, one after the other.
  mutating func observe(
    index: UInt64, range: Range<Int>, flags: UnsafePointer<UInt8>, _ rows: PolicyRows
  ) {
    for table in transitions.indices {
      transitions[table].items.observe(
        index: index, range: range, flags: flags, actionValues: rows.actionValues,
        stateValues: rows.stateValues)
    }
    for table in sequences.indices {
      sequences[table].items.observe(index: index, range: range, flags: flags)
    }
    for table in records.indices { records[table].items.observe(index: index, range: range) }
  }

  /// The rewards of the actions of the row at `index`.
  mutating func setRewards(index: UInt64, range: Range<Int>, _ values: UnsafePointer<Float>) {
    for table in transitions.indices {
      transitions[table].items.setRewards(index: index, range: range, values)
    }
  }

  /// The row at `index`, which `observe` has seen as one within an episode, turns out to be its last one, truncated: completes what
  /// ends there.
  mutating func truncate(_ environment: Int, index: UInt64, stateValue: Float) {
    for table in transitions.indices {
      transitions[table].items.truncate(environment, index: index, stateValue: stateValue)
    }
    for table in sequences.indices { sequences[table].items.truncate(environment, index: index) }
  }

  /// Removes the items that end with the row at `index` or later: it will not be sent.
  mutating func drop(from index: UInt64) {
    for table in transitions.indices { transitions[table].items.drop(from: index) }
    for table in sequences.indices { sequences[table].items.drop(from: index) }
    for table in records.indices { records[table].items.drop(from: index) }
  }

  /// What came before the row at `index` is lost: nothing starts there. The next row will be `next`.
  mutating func cut(at index: UInt64, next: UInt64) {
    for table in transitions.indices { transitions[table].items.cut(at: index, next: next) }
    for table in sequences.indices { sequences[table].items.cut(at: index) }
    for table in records.indices { records[table].items.cut(at: index) }
  }

  /// Appends the items of a message, a block a table that has any, and starts over.
  mutating func encode(into frame: FrameWriter) {
    let blocks =
      transitions.count { $0.items.columns.count > 0 } + sequences.count { $0.items.columns.count > 0 }
      + records.count { $0.items.columns.count > 0 }
    Insert.beginItems(frame, blocks: blocks)
    func encode(_ columns: inout ItemColumns, _ table: Int) {
      if columns.count > 0 { columns.encode(into: frame, table: table) }
    }
    for index in transitions.indices {
      let table = transitions[index].table
      encode(&transitions[index].items.columns, table)
    }
    for index in sequences.indices {
      let table = sequences[index].table
      encode(&sequences[index].items.columns, table)
    }
    for index in records.indices {
      let table = records[index].table
      encode(&records[index].items.columns, table)
    }
  }
}
