// The published examples of the messages that are values.

import Experience
import Wire

enum Golden {
  static let writer = Identifier(high: 0x0011_2233_4455_6677, low: 0x8899_AABB_CCDD_EEFF)
  static let learner = Identifier(high: 0x1021_3243_5465_7687, low: 0x98A9_BACB_DCED_FE0F)
  static let service = Identifier(high: 0xF0E0_D0C0_B0A0_9080, low: 0x7060_5040_3020_1000)

  /// CartPole: four floats, two actions.
  static let schema = StepSchema.discrete(observation: [4])
  static let table = TableSchema(name: "experience", kind: .transition(nStep: 3, discount: 0.5))
  /// One of each kind.
  static let tables = [
    table, TableSchema(name: "unroll", kind: .sequence(length: 21, period: 20, episodes: .cross)),
    TableSchema(name: "replay", kind: .sequence(length: 3, period: 2, episodes: .pad)),
    TableSchema(name: "steps", kind: .record),
  ]
  static let manifest = WeightsManifest(tensors: [
    TensorSpec(name: "0.weight", shape: [2, 3]), TensorSpec(name: "0.bias", shape: [2]),
    TensorSpec(name: "scale", shape: []),
  ])

  /// In the order of `MessageType`, but for GOODBYE at the end.
  static let frames: [GoldenFrame] =
    peers + inserts + samples + answers + learning + reports
    + inspections + totals + taps

  static let token = Identifier(high: 0x7F6E_5D4C_3B2A_1908, low: 0xF7E6_D5C4_B3A2_9180)

  static let telemetry = Telemetry(
    id: writer, token: token, service: "actor", label: "actor-1",
    counters: ["env_steps_total": 1_048_576, "episodes_total": 37, "weights_version": 12])

  private static let peers: [GoldenFrame] = [
    GoldenFrame(
      "hello-writer", .hello,
      Hello(
        role: .writer, id: writer, label: "actor-1", nextSequence: 1, schema: schema, tables: [table])),
    GoldenFrame(
      "hello-sampler", .hello,
      Hello(
        role: .sampler, id: learner, label: "learner-1", nextSequence: 0, schema: nil, tables: [table])),
    GoldenFrame(
      "welcome", .welcome,
      Welcome(incarnation: service, committed: 41, grant: grant, schema: schema, tables: [table])),
    GoldenFrame(
      "welcome-stacked", .welcome,
      Welcome(
        incarnation: service, committed: 0, grant: grant,
        schema: .discrete(observation: [84, 84], dtype: .uint8, stack: 4), tables: [table])),
    GoldenFrame(
      "welcome-first", .welcome,
      Welcome(incarnation: service, committed: 0, grant: grant, schema: nil, tables: [table])),
    GoldenFrame(
      "welcome-kinds", .welcome,
      Welcome(incarnation: service, committed: 0, grant: grant, schema: schema, tables: tables)),
  ]

  static let grant = Grant(
    messages: 64, bytes: 1 << 24, frameBytes: 1 << 26, silence_s: 600, rows: [4096])

  private static let answers: [GoldenFrame] = [
    GoldenFrame(
      "refusal", .refusal,
      Refusal(
        code: .mismatch, type: MessageType.hello.rawValue, reference: 0,
        text: "table 'experience': expected n-step 3, found 1")),
    GoldenFrame("health-request", .healthRequest) {
      HealthRequest.encode(into: $0)
    } check: {
      try $0.close()
    },
    GoldenFrame(
      "health", .health,
      Health(
        service: "replay", isHealthy: true, text: "2 writers, 1 samplers, 5000 steps", uptime_s: 12.5)),
    GoldenFrame("telemetry", .telemetry, telemetry),
  ]

  private static let learning: [GoldenFrame] = [
    GoldenFrame("join", .join, Join(id: learner, token: token, label: "learner-1", manifest: manifest)),
    GoldenFrame("joined", .joined, Joined(incarnation: service, index: 0, merged: 0, version: 7)),
    delta, weights, gradient, updated,
  ]

  static let evaluation = Evaluation(
    kind: .regular, version: 300, updates: 3000, episodes: 20, meanReturn: 482.75, minReturn: 310,
    maxReturn: 500, isSolved: true)

  private static let reports: [GoldenFrame] = [
    GoldenFrame(
      "status-request", .statusRequest,
      StatusRequest(
        incarnation: service, evaluationsKnown: 4, counters: ["env_steps_total", "weights_version"])),
    GoldenFrame("status-request-first", .statusRequest, StatusRequest(evaluationsKnown: 0)),
    GoldenFrame(
      "status", .status,
      Status(
        incarnation: service, version: 300, updates: 3000,
        processes: [
          ProcessStatus(
            telemetry: ShownTelemetry(
              id: writer.publicName, service: "actor", label: "actor-1",
              counters: ["env_steps_total": 1_048_576, "weights_version": 12]), age_s: 0.25)
        ], firstEvaluation: 4, evaluations: [evaluation])),
    GoldenFrame("evaluation", .evaluation, EvaluationReport(token: token, evaluation)),
    GoldenFrame(
      "evaluation-confirmation", .evaluation,
      EvaluationReport(
        Evaluation(
          kind: .confirmation, version: 300, updates: 3000, episodes: 100, meanReturn: -0.5, minReturn: -1,
          maxReturn: 0, isSolved: false))),
    GoldenFrame("goodbye", .goodbye, Goodbye(id: writer)),
  ]

  private static let inspections: [GoldenFrame] = [
    GoldenFrame("inspect-request", .inspectRequest, InspectRequest(table: "experience", top: 2, key: 1000)),
    GoldenFrame("inspect-request-all", .inspectRequest, InspectRequest()),
    GoldenFrame("inspection", .inspection, inspection),
    GoldenFrame(
      "snapshot-request", .snapshotRequest, SnapshotRequest(id: learner, verb: .snapshot, name: "monday")),
    GoldenFrame(
      "snapshot", .snapshotStatus,
      SnapshotStatus(
        id: learner, verb: .restore, name: "monday", state: .underWay, bytesCopied: 1 << 20,
        bytesTotal: 1 << 22,
        text: "runs/a/snapshots/monday/1")),
    GoldenFrame(
      "limits-request", .limitsRequest,
      LimitsRequest(table: "experience", samplesPerInsert: 4, errorMax: .infinity)),
    GoldenFrame("limits-request-only", .limitsRequest, LimitsRequest()),
    GoldenFrame(
      "limits", .limits,
      LimitsAnswer(
        table: "experience", samplesPerInsert: 4, minSize: 1000, errorMin: 3000, errorMax: .infinity,
        error: 3500, size: 1200)),
  ]

  private static let totals: [GoldenFrame] = [
    GoldenFrame(
      "totals-request", .totalsRequest,
      TotalsRequest(
        table: 0, remoteItems: 4000, error: 8000.5,
        incarnations: [
          IncarnationTotals(incarnation: writer, inserts: 5000, samples: 40_000, isWaiting: false)
        ])),
    GoldenFrame(
      "totals-request-first", .totalsRequest,
      TotalsRequest(table: 0, remoteItems: 0, error: nil, incarnations: [])),
    GoldenFrame(
      "totals", .totals,
      Totals(
        table: 0, mass: 6.5, items: 1000, isJoined: true, error: 8000.5,
        own: IncarnationTotals(incarnation: service, inserts: 1200, samples: 8000, isWaiting: true))),
    GoldenFrame("learner-request", .learnerRequest) {
      LearnerRequest.encode(into: $0)
    } check: {
      try $0.close()
    },
    GoldenFrame("learner", .learner, Learner(isOwn: true, label: "learner-1", isAsker: true)),
    GoldenFrame(
      "progress", .progress,
      Progress(
        table: 1, version: 300, request: 12, trained: TrainedStaleness(rows: 640, mean: 0.75, p99: 2, max: 3))
    ),
    GoldenFrame("grant-request", .stepRequest, StepRequest(number: 7, sequence: 5, steps: 640)),
    GoldenFrame("grant", .stepGrant, StepGrant(number: 7, steps: 640, version: 300)),
    GoldenFrame("learner-none", .learner, Learner(isOwn: true, label: nil, isAsker: false)),
  ]

  private static let inspection = Inspection(
    incarnation: service,
    ring: Inspection.Ring(capacity: 4096, steps: 4000, head: 5000, chunks: 125, streams: 2),
    storage: "memory", storageProblem: nil,
    tables: [
      Inspection.Table(
        name: "experience", sampler: "prioritized(exponent: 0.6)", samplesPerInsert: 8, minSize: 1000,
        errorMin: 0,
        errorMax: 16000, numbers: ["size": 3996, "mass": 1234.5],
        insertsBlocked: Inspection.Blocked(reason: "error 16008 > 16000 (errorMax)", seconds: 0.5),
        samplesBlocked: nil,
        histograms: [
          Inspection.Histogram(name: "times_sampled", counts: [10, 20, 30]),
          Inspection.Histogram(name: "priority", unit: 0.5, counts: [0, 60]),
        ],
        top: [Inspection.Ranked(key: 1000, priority: 2)]),
      Inspection.Table(
        name: "trajectories", sampler: "fifo", samplesPerInsert: 1, minSize: 1, errorMin: 0, errorMax: 16,
        numbers: [:], insertsBlocked: nil, samplesBlocked: nil, histograms: [], top: [],
        staleness: Inspection.Staleness(
          max: 1, keeping: "pace", trained: TrainedStaleness(rows: 640, mean: 0.75, p99: 1, max: 1),
          waitingTotal: 2, waiting_s: 1.5, waiting: ["actor-2", "actor-1"],
          outdated: [Inspection.Outdated(label: "actor-1", items: 7)])),
    ],
    writersTotal: 1,
    writers: [Inspection.Writer(label: "actor-1", number: 5, committed: 42, waiting: 3, age_s: 0.25)],
    item: InspectedItem(
      table: "experience", key: 1000, priority: 2, timesSampled: 3, label: "actor-1", writer: 5,
      stream: 1,
      firstIndex: 7, weightsVersion: 12, flags: [1, 6], fields: [Field("reward", .float32)],
      columns: [payload([1, -0.5] as [Float])]))
}
