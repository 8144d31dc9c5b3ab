// SPDX-License-Identifier: MIT
//
// rnnedge.h with owners: a Model and Streams that free their memory and throw on load.
// C++17. A Model has to outlive its Streams; neither moves once made, both move as handles.
#ifndef RNNEDGE_HPP
#define RNNEDGE_HPP

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "rnnedge.h"

namespace rnnedge {

// What load or restore refused; offset is the byte of the file or snapshot.
class Error : public std::runtime_error {
public:
    explicit Error(const rnne_error &error)
        : std::runtime_error(std::string(rnne_status_text(error.status)) + ", at byte " +
                             std::to_string(error.offset)),
          status(error.status), offset(error.offset)
    {
    }
    rnne_status status;
    std::size_t offset;
};

class Model {
public:
    // file: the bytes of an .rnne file, not needed afterwards. Throws Error.
    Model(const void *file, std::size_t nbytes, rnne_isa isa = RNNE_ISA_AUTO)
    {
        rnne_error error{};
        std::size_t needed = 0;
        if (rnne_model_nbytes(file, nbytes, &needed, &error) != RNNE_OK)
            throw Error(error);
        memory_ = std::make_unique<unsigned char[]>(needed);
        if (rnne_model_init(memory_.get(), needed, file, nbytes, isa, &model_, &error) != RNNE_OK)
            throw Error(error);
        rnne_model_info(model_, &info_);
    }
    const rnne_info &info() const { return info_; }
    const rnne_model *get() const { return model_; }
    // The derived inputs of a time go behind the features of x.
    void time_features(std::int64_t unix_time_s, float *x) const
    {
        rnne_time_features(model_, unix_time_s, x + info_.num_features);
    }

private:
    std::unique_ptr<unsigned char[]> memory_;
    rnne_model *model_ = nullptr;
    rnne_info info_{};
};

class Stream {
public:
    explicit Stream(const Model &model) : model_(model.get())
    {
        const std::size_t needed = rnne_stream_nbytes(model_);
        memory_ = std::make_unique<unsigned char[]>(needed);
        rnne_stream_init(memory_.get(), needed, model_, &stream_);
    }
    void reset() { rnne_reset(stream_); }
    // x: input_size floats, y: output_size floats. False: the reading was rejected.
    bool step(const float *x, float *y) { return rnne_step(stream_, x, y) == RNNE_OK; }
    std::vector<unsigned char> snapshot() const
    {
        std::vector<unsigned char> bytes(rnne_state_nbytes(model_));
        rnne_state_get(stream_, bytes.data(), bytes.size());
        return bytes;
    }
    void restore(const void *snapshot, std::size_t nbytes)
    {
        rnne_error error{};
        if (rnne_state_set(stream_, snapshot, nbytes, &error) != RNNE_OK)
            throw Error(error);
    }
    std::uint64_t num_steps() const { return rnne_num_steps(stream_); }

private:
    const rnne_model *model_;
    std::unique_ptr<unsigned char[]> memory_;
    rnne_stream *stream_ = nullptr;
};

} // namespace rnnedge

#endif
