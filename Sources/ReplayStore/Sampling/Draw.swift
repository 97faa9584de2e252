// The items that a sample request drew.

/// The items of a batch. Reuse it from request to request: its arrays keep their memory.
public struct Draw {
  /// The index of the table that it was drawn from.
  public internal(set) var table = 0
  /// The items' keys: the positions of their first steps.
  public internal(set) var keys: [UInt64] = []
  /// The items' raw priorities at the draw.
  public internal(set) var priorities: [Float] = []
  /// P(i) at the draw: p_i^α / mass, the rank's weight / mass, 1 / N, or 1 if the sampler is not
  /// random.
  public internal(set) var probabilities: [Float] = []
  /// The table's mass at the draw: Σ p^α, Σ 1 / rank^α, or N.
  public internal(set) var mass = 0.0
  /// N, the items in the table at the draw.
  public internal(set) var itemCount = 0
  /// Items inserted into the table so far.
  public internal(set) var inserts: UInt64 = 0
  /// Items sampled from the table so far, this draw included.
  public internal(set) var samples: UInt64 = 0

  /// Steps that each item spans.
  var spans: [UInt16] = []
  var slots: [UInt32] = []

  public init() {}

  /// Items in the batch.
  public var count: Int { keys.count }

  /// Sets the number of items.
  mutating func resize(_ count: Int) {
    Self.resize(&keys, count, 0)
    Self.resize(&priorities, count, 0)
    Self.resize(&probabilities, count, 0)
    Self.resize(&spans, count, 0)
    Self.resize(&slots, count, 0)
  }

  /// Replaces an item by the one item of another draw. Its probability is that of the other draw.
  mutating func replace(_ index: Int, by other: Draw) {
    keys[index] = other.keys[0]
    priorities[index] = other.priorities[0]
    probabilities[index] = other.probabilities[0]
    spans[index] = other.spans[0]
    slots[index] = other.slots[0]
  }

  private static func resize<T>(_ array: inout [T], _ count: Int, _ value: T) {
    if array.count > count {
      array.removeLast(array.count - count)
    } else if array.count < count {
      array.append(contentsOf: repeatElement(value, count: count - array.count))
    }
  }

  /// Calls `body` with the memory of the columns.
  mutating func withColumns<R>(_ body: (Columns) -> R) -> R {
    keys.withUnsafeMutableBufferPointer { keys in
      priorities.withUnsafeMutableBufferPointer { priorities in
        probabilities.withUnsafeMutableBufferPointer { probabilities in
          spans.withUnsafeMutableBufferPointer { spans in
            slots.withUnsafeMutableBufferPointer { slots in
              body(
                Columns(
                  keys: keys.baseAddress!, priorities: priorities.baseAddress!,
                  probabilities: probabilities.baseAddress!, spans: spans.baseAddress!,
                  slots: slots.baseAddress!))
            }
          }
        }
      }
    }
  }

  /// The memory of the columns, while they are filled.
  struct Columns {
    var keys: UnsafeMutablePointer<UInt64>
    var priorities: UnsafeMutablePointer<Float>
    /// Weights until they are divided by the mass.
    var probabilities: UnsafeMutablePointer<Float>
    var spans: UnsafeMutablePointer<UInt16>
    var slots: UnsafeMutablePointer<UInt32>
  }
}
