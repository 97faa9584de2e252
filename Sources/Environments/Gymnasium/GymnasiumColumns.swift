// The layout of a pool's shared memory.

/// Columns over all environments of a pool, each at an offset that is a multiple of 64:
///
///     seeds u64 [count] | actions [count, action] | rewards f32 [count] | flags u8 [count]
///     | observations [count, observation]
struct GymnasiumColumns {
  let seeds = 0
  let actions: Int
  let rewards: Int
  let flags: Int
  let observations: Int
  let byteCount: Int

  init(count: Int, actionBytes: Int, observationBytes: Int) {
    func aligned(_ offset: Int) -> Int { (offset + 63) / 64 * 64 }
    actions = aligned(seeds + count * 8)
    rewards = aligned(actions + count * actionBytes)
    flags = aligned(rewards + count * 4)
    observations = aligned(flags + count)
    byteCount = max(64, observations + count * observationBytes)
  }

  var json: String {
    "{\"seeds\":\(seeds),\"actions\":\(actions),\"rewards\":\(rewards),\"flags\":\(flags),"
      + "\"observations\":\(observations)}"
  }
}
