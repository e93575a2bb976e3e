// Stands for Intel's HLS/hls.h in tests: tasks are threads, and a FIFO holds no more than its buffer does.
// A task that waits for five seconds ends the program with status 3: with nothing to wait for but other tasks, it
// would wait for ever.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>

#define component
#define hls_register

namespace ihc {
template <int N> struct buffer {};
template <bool B> struct usesPackets {};

template <class... Options> struct capacity { static const std::size_t value = 1 << 30; };
template <int N, class... Options> struct capacity<buffer<N>, Options...> {
    static const std::size_t value = N;
};

template <class T, class... Options> class stream {
    struct item {
        T value;
        bool first, last;
    };
    std::deque<item> items;
    std::mutex mutex;
    std::condition_variable changed;

    template <class Test> void wait(std::unique_lock<std::mutex> &lock, Test test) {
        if (!changed.wait_for(lock, std::chrono::seconds(5), test)) {
            std::printf("deadlock\n");
            std::fflush(stdout);
            std::_Exit(3);
        }
    }

  public:
    void write(const T &value, bool first = false, bool last = false) {
        std::unique_lock<std::mutex> lock(mutex);
        wait(lock, [&] { return items.size() < capacity<Options...>::value; });
        items.push_back({value, first, last});
        changed.notify_all();
    }
    T read(bool &first, bool &last) {
        std::unique_lock<std::mutex> lock(mutex);
        wait(lock, [&] { return !items.empty(); });
        const item found = items.front();
        items.pop_front();
        changed.notify_all();
        first = found.first;
        last = found.last;
        return found.value;
    }
    T read() {
        bool first, last;
        return read(first, last);
    }
};

template <class T, class... Options> using stream_in = stream<T, Options...>;
template <class T, class... Options> using stream_out = stream<T, Options...>;

template <void (*F)()> std::thread &task() {
    static std::thread running;
    return running;
}
template <void (*F)()> void launch() { task<F>() = std::thread(F); }
template <void (*F)()> void collect() { task<F>().join(); }
} // namespace ihc
