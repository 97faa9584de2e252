// Finding environments by id.

import Environments
import Testing

@Suite struct EnvironmentCatalogTests {
  @Test(arguments: EnvironmentCatalog.allCases)
  func everyCaseMakesItsBatch(_ environment: EnvironmentCatalog) throws {
    #expect(environment.spec.id == environment.rawValue)
    let batch = try EnvironmentCatalog.make(environment.rawValue, count: 3, seed: 0)
    #expect(batch.spec == environment.spec)
    #expect(batch.count == 3)
    #expect(batch.spec.observationByteCount == batch.spec.observationElementCount * 4)
  }

  @Test func unknownIdsListTheNearestFirst() throws {
    func known(_ id: String) throws -> [String] {
      do {
        _ = try EnvironmentCatalog(id: id)
      } catch EnvironmentError.unknownEnvironment(let found, let known) {
        #expect(found == id)
        return known
      }
      return []
    }
    #expect(try known("cartpole-v1") == ["CartPole-v1", "Acrobot-v1", "MountainCar-v0"])
    #expect(try known("MountainCar-v1").first == "MountainCar-v0")
    #expect(try known("acro").first == "Acrobot-v1")
    #expect(try known("").count == 3)
    #expect(try known(String(repeating: "x", count: 1_000_000)).count == 3)
  }

  @Test(arguments: [0, -1, .min, EnvironmentCatalog.countMax + 1, .max])
  func impossibleCountsAreRefused(_ count: Int) {
    #expect(throws: EnvironmentError.invalidCount(count)) {
      try EnvironmentCatalog.cartPole.make(count: count, seed: 0)
    }
  }
}
