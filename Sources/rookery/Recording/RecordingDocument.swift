// What a recording holds, as JSON.

internal import Experience
internal import Recordings

/// The object that `rookery recording info --json` prints. Times are nanoseconds since 1970.
struct RecordingDocument: Encodable {
  struct Damage: Encodable {
    var from: UInt64
    var to: UInt64
    var problem: String
  }
  struct Actor: Encodable {
    var label: String
    var messages: UInt64
    var steps: UInt64
  }
  struct Table: Encodable {
    var name: String
    var kind: String
  }
  struct Numbers: Encodable {
    var first: UInt64
    var last: UInt64
  }
  /// `next` and what follows it are missing if the source's description is damaged.
  struct Source: Encodable {
    var number: Int
    var messages: UInt64
    var steps: UInt64
    var items: UInt64
    var episodes: UInt64
    var missed: [Numbers]
    var lost: [Numbers]
    var actors: [Actor]
    var digest: String?
    var items_left_out: UInt64?
    var next: UInt64?
    var shard: Int?
    var incarnation: String?
    var time: Int64?
    var fields: [String]?
    var tables: [Table]?
    var configuration: String?

    init(_ source: RecordingSummary.Source) {
      number = source.number
      messages = source.messages
      steps = source.steps
      items = source.items
      episodes = source.episodes
      missed = source.missed.ranges.map { Numbers(first: $0.lowerBound, last: $0.upperBound) }
      lost = source.lost.ranges.map { Numbers(first: $0.lowerBound, last: $0.upperBound) }
      actors = source.actors.sorted { $0.key < $1.key }.map {
        Actor(label: $0.key, messages: $0.value.messages, steps: $0.value.steps)
      }
      digest = source.digest.map { "\($0.digest)" }
      items_left_out = source.digest?.itemsLeftOut
      next = source.description?.next
      shard = source.description?.shard
      incarnation = source.description.map { "\($0.incarnation)" }
      time = source.description?.time
      fields = source.description?.schema.fields.map(\.description)
      tables = source.description?.tables.map { Table(name: $0.name, kind: "\($0.kind)") }
      configuration = source.description?.configuration
    }
  }

  var path: String
  var file_bytes: UInt64
  var content_bytes: UInt64
  var is_indexed: Bool
  var created: Int64?
  var program: String?
  var filter: String?
  var first_time: Int64?
  var last_time: Int64?
  var messages: UInt64
  var steps: UInt64
  var items: UInt64
  var episodes: UInt64
  var missed: UInt64
  var lost: UInt64
  var sources: [Source]
  var damage: [Damage]

  init(_ summary: RecordingSummary) {
    path = summary.path
    file_bytes = summary.fileBytes
    content_bytes = summary.contentBytes
    is_indexed = summary.isIndexed
    created = summary.about?.created
    program = summary.about?.program
    filter = summary.about?.filter
    first_time = summary.beginning
    last_time = summary.ending
    messages = summary.messages
    steps = summary.steps
    items = summary.items
    episodes = summary.episodes
    missed = summary.missed
    lost = summary.lost
    sources = summary.sources.map(Source.init)
    damage = summary.damage.map {
      Damage(from: $0.range.lowerBound, to: $0.range.upperBound, problem: $0.problem)
    }
  }
}
