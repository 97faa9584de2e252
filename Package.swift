// swift-tools-version: 6.2
// Rookery: a distributed actor-learner pipeline for reinforcement learning.
// Every target says what it may import; `make lint` has the build check it.
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
  // Debug builds, which the tests use, check exclusive access at run time. In the replay's hot
  // path the checks cost a tenth, so release builds leave them out.
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
  .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

func system(_ name: String, _ packages: [String]) -> Target {
  .systemLibrary(name: name, providers: [.apt(packages)])
}

func support(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: dependencies + ["TestSupport"], swiftSettings: settings)
}

let package = Package(
  name: "rookery",
  products: [.executable(name: "rookery", targets: ["rookery"])],
  targets: [
    // System libraries, by their Debian packages.
    system("CZeroMQ", ["libzmq3-dev"]),
    system("CMsgpack", ["libmsgpack-dev"]),
    system("CYAML", ["libyaml-dev"]),
    system("CMicroHTTPD", ["libmicrohttpd-dev"]),
    system("CZstd", ["libzstd-dev"]),
    system("CZlib", ["zlib1g-dev"]),

    // Small vector loops in C, each with a portable twin.
    .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),

    library("Foundations", ["CKernels"]),
    library("Experience"),
    library("Wire", ["Experience", "CMsgpack"]),
    library("Transport", ["CZeroMQ", "Foundations"]),
    library("HTTP", ["CMicroHTTPD", "Foundations"]),
    library("Recordings", ["Experience", "Foundations", "Wire", "CZstd", "CZlib"]),
    library("ReplayStore", ["Experience", "Foundations", "CKernels"]),
    library("Numerics", ["Experience", "Foundations", "CKernels"]),
    library("Algorithms", ["Experience", "Foundations", "Numerics"]),
    library(
      "Environments", ["Experience", "Foundations"],
      resources: [.embedInCode("Gymnasium/worker.py")]),
    library("Configuration", ["CYAML", "Experience", "Foundations"]),
    library("EventLog"),
    library("Plotting"),
    .target(
      name: "Services",
      dependencies: [
        "Foundations", "Experience", "Wire", "Transport", "HTTP", "Recordings", "ReplayStore", "Numerics",
        "Algorithms", "Environments", "Configuration",
      ],
      resources: [.embedInCode("ParameterServer/Site/dashboard.html")], swiftSettings: settings),
    library("Launcher", ["Configuration", "Foundations"]),
    library("Console", ["Configuration"]),
    library(
      "Benchmarks",
      [
        "Console", "Services", "Launcher", "Configuration", "Foundations", "Experience", "Wire", "Transport",
        "Numerics", "Algorithms", "Environments", "ReplayStore", "Recordings",
      ]),
    .executableTarget(
      name: "rookery",
      dependencies: [
        "Benchmarks", "Console", "Services", "Launcher", "Configuration", "Foundations", "Experience", "Wire",
        "Transport", "EventLog", "Plotting", "Recordings",
      ],
      swiftSettings: settings),

    // For tests only.
    support("TestSupport", ["Foundations", "Experience", "Recordings", "Wire"]),
    support(
      "Simulator",
      ["Algorithms", "Configuration", "Foundations", "Experience", "Wire", "Services", "ReplayStore"]),
    tests("Foundations", ["Foundations"]),
    tests("Experience", ["Experience"]),
    tests("Wire", ["Wire", "Experience", "Foundations"]),
    tests("Transport", ["Transport", "Foundations"]),
    tests("HTTP", ["HTTP", "Foundations"]),
    tests("Recordings", ["Recordings", "Wire", "Experience", "Foundations"]),
    tests("ReplayStore", ["ReplayStore", "Experience", "Foundations", "CKernels"]),
    tests("Numerics", ["Numerics", "Experience", "Foundations"]),
    tests("Algorithms", ["Algorithms", "Numerics", "Experience", "Foundations"]),
    tests("Environments", ["Environments", "Experience", "Foundations"]),
    tests("Configuration", ["Configuration", "Experience", "Foundations"]),
    tests("EventLog", ["EventLog"]),
    tests("Plotting", ["Plotting", "Foundations"]),
    tests("Launcher", ["Launcher", "Configuration", "Foundations"]),
    tests(
      "Services",
      [
        "Services", "Wire", "Transport", "Experience", "Foundations", "Configuration", "Numerics",
        "ReplayStore", "Algorithms", "Environments", "Recordings",
      ]),
    tests(
      "Simulation",
      ["Simulator", "Services", "Wire", "Experience", "Foundations", "ReplayStore"]),
    tests(
      "EndToEnd",
      [
        "Foundations", "Configuration", "Experience", "Wire", "Numerics", "Services", "CZeroMQ",
        "ReplayStore", "Recordings",
        "Transport",
      ]),
  ],
  swiftLanguageModes: [.v6]
)

// `make fuzz` builds everything with libFuzzer's and the address sanitizer's checks, in its own
// build folder.
if Context.environment["ROOKERY_FUZZ"] == "1" {
  for target in package.targets where target.type == .regular {
    let flags = ["-sanitize=fuzzer,address", "-enable-testing"]
    target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(flags)]
    target.cSettings = (target.cSettings ?? []) + [.unsafeFlags(["-fsanitize=fuzzer-no-link,address"])]
  }
  package.targets.append(
    .executableTarget(
      name: "RookeryFuzz",
      dependencies: ["Wire", "Experience", "Foundations", "Recordings", "ReplayStore", "Services"],
      path: "Tests/Fuzz",
      swiftSettings: settings + [.unsafeFlags(["-sanitize=fuzzer,address", "-parse-as-library"])],
      // libFuzzer brings its own `main`. The usual linker, gold, does not prefer ours to it.
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]))
}
