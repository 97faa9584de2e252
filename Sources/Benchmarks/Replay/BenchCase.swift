// The results of the replay benchmark.

internal import Console
internal import Experience
internal import Foundations
internal import Services

/// Results of one case: medians over the rounds.
struct BenchCase: Encodable {
  var transport: String
  var payload: String
  /// Steps in a message.
  var message: Int
  /// `insert`, `sample`, `both`, `latency`, `update`, `writers`, `snapshot` or `restore`.
  var mode: String
  var insert_per_s: Double?
  var batches_per_s: Double?
  var keys_per_s: Double?
  var insert_p50_ms: Double?
  var insert_p99_ms: Double?
  var sample_p50_ms: Double?
  var sample_p99_ms: Double?
  /// p99 of inserts and samples before snapshots or restores begin, one call in flight each.
  var calm_insert_p99_ms: Double?
  var calm_sample_p99_ms: Double?
  /// Snapshots or restores a second.
  var copies_per_s: Double?
  /// Bytes of inserted or sampled steps a second, divided by the raw disk's write or read rate.
  var insert_of_raw: Double?
  var sample_of_raw: Double?
  /// CPU use of each process, in cores.
  var service_cpu: Double?
  var inserter_cpu: Double?
  var sampler_cpu: Double?
  /// The service's memory beyond that of an empty one, divided by the items.
  var bytes_an_item: Double?
  var service_bytes: Double?
}

struct BenchReplayDocument: Encodable {
  var date: String
  var machine: String
  var storage: BenchStorage
  var rounds: Int
  var seconds: Double
  var empty_service_bytes: Double
  /// By payload, with `--storage disk`.
  var disk: [String: RawDiskRates] = [:]
  var cases: [BenchCase]
  /// Operations a second of the store by itself, in one thread.
  var store: [String: Double]
}

extension BenchCase {
  /// Stores the rate and the CPU time of a client that inserts.
  mutating func setInsertRate(from report: BenchReport) {
    (insert_per_s, inserter_cpu) = (report.perSecond, report.cpu)
  }

  /// Stores the rate and the CPU time of a client that samples.
  mutating func setSampleRate(from report: BenchReport) {
    (batches_per_s, sampler_cpu) = (report.perSecond, report.cpu)
  }

  /// Stores the latencies of two clients that ran at once or one after the other.
  mutating func setLatencies(inserts inserted: BenchReport, samples sampled: BenchReport) {
    (insert_p50_ms, insert_p99_ms) = (inserted.p50_ms, inserted.p99_ms)
    (sample_p50_ms, sample_p99_ms) = (sampled.p50_ms, sampled.p99_ms)
  }

  mutating func compare(with disk: RawDiskRates, _ payload: BenchPayload) {
    insert_of_raw = insert_per_s.map { $0 * Double(payload.schema.stepByteCount) / disk.write_bytes_per_s }
    sample_of_raw = batches_per_s.map { $0 * Double(512 * payload.itemByteCount) / disk.read_bytes_per_s }
  }

  init(medianOf cases: [BenchCase]) {
    self = cases[0]
    func median(_ path: KeyPath<BenchCase, Double?>) -> Double? {
      let values = cases.compactMap { $0[keyPath: path] }.sorted()
      return values.isEmpty ? nil : values[values.count / 2]
    }
    insert_per_s = median(\.insert_per_s)
    batches_per_s = median(\.batches_per_s)
    keys_per_s = median(\.keys_per_s)
    insert_p50_ms = median(\.insert_p50_ms)
    insert_p99_ms = median(\.insert_p99_ms)
    sample_p50_ms = median(\.sample_p50_ms)
    sample_p99_ms = median(\.sample_p99_ms)
    calm_insert_p99_ms = median(\.calm_insert_p99_ms)
    calm_sample_p99_ms = median(\.calm_sample_p99_ms)
    copies_per_s = median(\.copies_per_s)
    insert_of_raw = median(\.insert_of_raw)
    sample_of_raw = median(\.sample_of_raw)
    service_cpu = median(\.service_cpu)
    inserter_cpu = median(\.inserter_cpu)
    sampler_cpu = median(\.sampler_cpu)
  }

  /// The case as a line for people.
  var line: String {
    var parts: [String] = []
    func add(_ name: String, _ value: Double?, _ unit: String) {
      if let value {
        parts.append(
          "\(name) \(value >= 100 ? Format.count(value) : String(Float((value * 1000).rounded() / 1000)))\(unit)"
        )
      }
    }
    add("insert", insert_per_s, " steps/s")
    add("sample", batches_per_s, " batches/s")
    add("update", keys_per_s, " keys/s")
    add("insert p50", insert_p50_ms, " ms")
    add("p99", insert_p99_ms, " ms")
    add("sample p50", sample_p50_ms, " ms")
    add("p99", sample_p99_ms, " ms")
    add("before: insert p99", calm_insert_p99_ms, " ms")
    add("sample p99", calm_sample_p99_ms, " ms")
    add("copies", copies_per_s, " /s")
    add("of the raw disk, insert", insert_of_raw, "")
    add("sample", sample_of_raw, "")
    add("cpu: service", service_cpu, "")
    add("inserter", inserter_cpu, "")
    add("sampler", sampler_cpu, "")
    if mode == "insert" { add("bytes an item", bytes_an_item, "") }
    if mode == "writers" { add("memory", service_bytes, "B") }
    let name = "\(transport) \(payload) × \(message) \(mode)"
    return Format.pad(name, 31) + parts.joined(separator: ", ")
  }
}
