// Compiles a function once for each x86-64 level; the loader picks the best at start. On other machines it does
// nothing.
#pragma once

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
// The resolvers would run before the sanitizer is set up, and crash.
#define ROOKERY_NO_CLONES 1
#endif
#endif

#if defined(__x86_64__) && !defined(ROOKERY_NO_CLONES)
#define ROOKERY_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define ROOKERY_CLONES
#endif
