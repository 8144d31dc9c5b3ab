// SPDX-License-Identifier: MIT
//
// host_cpp MODEL < readings.csv > forecasts.csv: host.c in C++.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "rnnedge.hpp"

int main(int argc, char **argv)
try {
    std::ifstream file(argc == 2 ? argv[1] : "", std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    const rnnedge::Model model(bytes.data(), bytes.size());
    rnnedge::Stream stream(model);
    std::vector<float> x(model.info().input_size), y(model.info().output_size);
    std::cout.precision(9);

    for (std::string line; std::getline(std::cin, line);) {
        const char *field = line.c_str();
        for (std::uint32_t i = 0; i < model.info().num_features; i++) {
            char *end;
            x[i] = std::strtof(field, &end);
            if (end == field)
                x[i] = std::strtof("nan", nullptr);
            field = *end == ',' ? end + 1 : end;
        }
        if (!stream.step(x.data(), y.data()))
            continue; // a reading is missing that this model rejects
        for (std::size_t i = 0; i < y.size(); i++)
            std::cout << (i ? "," : "") << y[i];
        std::cout << '\n';
    }
} catch (const rnnedge::Error &error) {
    std::cerr << "host_cpp: " << error.what() << '\n';
    return 2;
}
