// What a sample request drew.

/// A batch's items. Reused from request to request; its arrays keep their memory.
public struct Draw {
  /// The table it was drawn from.
  public internal(set) var table = 0
  /// The items' keys: the positions of their first steps.
  public internal(set) var keys: [UInt64] = []
  /// The items' raw priorities.
  public internal(set) var priorities: [Float] = []
  /// P(i) at the draw: p_i^α / mass, 1 / N, or 1 for a selector that does not draw at random.
  public internal(set) var probabilities: [Float] = []
  /// Σ p^α of the table at the draw; N where all weights are equal.
  public internal(set) var mass = 0.0
  /// N, the items in the table at the draw.
  public internal(set) var itemCount = 0
  /// Items inserted into and sampled from the table since the start, this draw included.
  public internal(set) var inserts: UInt64 = 0
  public internal(set) var samples: UInt64 = 0

  /// Steps that each item spans.
  var spans: [UInt16] = []
  var slots: [UInt32] = []

  public init() {}

  public var count: Int { keys.count }

  /// Sets the number of items.
  mutating func resize(_ count: Int) {
    Self.resize(&keys, count, 0)
    Self.resize(&priorities, count, 0)
    Self.resize(&probabilities, count, 0)
    Self.resize(&spans, count, 0)
    Self.resize(&slots, count, 0)
  }

  /// Puts the one item of another draw in the place of an item. Its probability is as of that draw.
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

  /// Calls with the columns' memory.
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

  /// The columns' memory while they are filled.
  struct Columns {
    var keys: UnsafeMutablePointer<UInt64>
    var priorities: UnsafeMutablePointer<Float>
    /// Holds weights until they are divided by the mass.
    var probabilities: UnsafeMutablePointer<Float>
    var spans: UnsafeMutablePointer<UInt16>
    var slots: UnsafeMutablePointer<UInt32>
  }
}
