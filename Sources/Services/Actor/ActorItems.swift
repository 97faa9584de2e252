// Makes the items of all tables that an actor writes to.

internal import Algorithms
internal import Experience
internal import Wire

/// Passes rows to the item makers of all tables. There is one array for each kind of table, so that
/// rows need no dynamic dispatch.
struct ActorItems {
  private var transitions: [(table: Int, items: TransitionItems)] = []
  private var sequences: [(table: Int, items: SequenceItems)] = []
  private var records: [(table: Int, items: RecordItems)] = []

  /// - Parameters:
  ///   - count: environments.
  ///   - tables: in the order of the HELLO message.
  ///   - priority: how the policy ranks transitions; nil leaves it to the table.
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

  /// Completes the items that end with the row at stream index `index`, which has its actions now.
  ///
  /// - Parameter range: the environments that `flags` and `rows` describe, in order.
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

  /// Sets the rewards of the actions at `index`.
  mutating func setRewards(index: UInt64, range: Range<Int>, _ values: UnsafePointer<Float>) {
    for table in transitions.indices {
      transitions[table].items.setRewards(index: index, range: range, values)
    }
  }

  /// Completes the items that end at `index`, after the row there, passed to `observe` as one
  /// within an episode, became its last one by truncation.
  mutating func truncate(_ environment: Int, index: UInt64, stateValue: Float) {
    for table in transitions.indices {
      transitions[table].items.truncate(environment, index: index, stateValue: stateValue)
    }
    for table in sequences.indices { sequences[table].items.truncate(environment, index: index) }
  }

  /// Removes the items that end with the row at `index` or later, which will not be sent.
  mutating func drop(from index: UInt64) {
    for table in transitions.indices { transitions[table].items.drop(from: index) }
    for table in sequences.indices { sequences[table].items.drop(from: index) }
    for table in records.indices { records[table].items.drop(from: index) }
  }

  /// Removes the items that start before `index`, whose steps are lost. The next row is `next`.
  mutating func cut(at index: UInt64, next: UInt64) {
    for table in transitions.indices { transitions[table].items.cut(at: index, next: next) }
    for table in sequences.indices { sequences[table].items.cut(at: index) }
    for table in records.indices { records[table].items.cut(at: index) }
  }

  /// Appends the items to a message, one block for each table that has any, and clears them.
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
