#include "launcher/safetensors.h"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>

#include "core/error.h"
#include "launcher/hash.h"
#include "tests/launcher/hostile_disk.h"

namespace convoy {
namespace {

using test::error_of;
using test::read_text;
using testing::HasSubstr;

struct Sample {
  std::vector<float> kernel{1.5F, -0.0F, std::numeric_limits<float>::quiet_NaN(), 3.0F, 1e-42F, 6.0F};
  std::vector<double> moments{0.1, 0.2};
  std::vector<std::int64_t> steps{-1, INT64_MAX};
  std::vector<std::uint8_t> pixels{1, 2, 255};
  std::vector<float> empty;

  std::vector<StoredTensor> tensors() const {
    return {stored_tensor<std::uint8_t>("pixels", std::array<std::int64_t, 1>{3}, pixels),
            stored_tensor<float>("conv2d/kernel", std::array<std::int64_t, 2>{2, 3}, kernel),
            stored_tensor<double>("moments", std::array<std::int64_t, 1>{2}, moments),
            stored_tensor<float>("empty", std::array<std::int64_t, 2>{0, 3}, empty),
            stored_tensor<std::int64_t>("steps", std::array<std::int64_t, 1>{2}, steps)};
  }
};

class Safetensors : public testing::Test {
 protected:
  /// A file of this header and this many zero bytes.
  std::filesystem::path file_with(std::string_view header, std::size_t data_bytes = 0) {
    const std::uint64_t length = header.size();
    std::string text(sizeof(length), '\0');
    std::memcpy(text.data(), &length, sizeof(length));
    text += header;
    text.append(data_bytes, '\0');
    test::write_text(path_, text);
    return path_;
  }
  std::string error_with(std::string_view header, std::size_t data_bytes = 0) {
    return error_of<CheckpointError>([&] { SafetensorsFile(file_with(header, data_bytes)); });
  }

  const test::TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_ / "a.safetensors";
  const Sample sample_;
};

TEST_F(Safetensors, GiveBackTheSameBits) {
  const auto tensors = sample_.tensors();
  const WrittenFile written = save_safetensors(path_, tensors, {{"format", "convoy \"1\" é"}});
  EXPECT_EQ(written.bytes, std::filesystem::file_size(path_));
  EXPECT_EQ(written.sha256, sha256_of_file(path_));

  const SafetensorsFile file(path_);
  EXPECT_EQ(file.metadata(), (Metadata{{"format", "convoy \"1\" é"}}));
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (const StoredTensor& tensor : tensors) {
    const StoredTensor* read = file.find(tensor.name);
    ASSERT_NE(read, nullptr) << tensor.name;
    EXPECT_EQ(read->type, tensor.type);
    EXPECT_EQ(read->shape, tensor.shape);
    EXPECT_TRUE(std::ranges::equal(read->bytes, tensor.bytes)) << tensor.name;
  }
}

TEST_F(Safetensors, AlignEveryTensorToItsElements) {
  save_safetensors(path_, sample_.tensors());
  const SafetensorsFile file(path_);
  for (const StoredTensor& tensor : file.tensors()) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % size_of(tensor.type), 0U)
        << tensor.name;
  }
}

TEST_F(Safetensors, KeepTheOrderOfOneType) {
  const std::vector<float> value{1};
  const std::array<std::int64_t, 1> shape{1};
  save_safetensors(
      path_, std::vector{stored_tensor<float>("z", shape, value), stored_tensor<float>("a", shape, value)});
  const SafetensorsFile file(path_);
  EXPECT_EQ(file.tensors()[0].name, "z");
  EXPECT_EQ(file.tensors()[1].name, "a");
}

TEST_F(Safetensors, HaveTheDocumentedBytes) {
  const std::vector<float> value{1};
  save_safetensors(path_, std::vector{stored_tensor<float>("a", {}, value)});
  const std::string expected = R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )";
  const std::string text = read_text(path_);
  ASSERT_EQ(text.size(), 8 + expected.size() + 4);
  EXPECT_EQ(text.substr(0, 8), std::string("\x38\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(text.substr(8, expected.size()), expected);
}

TEST_F(Safetensors, HoldNothingAtAll) {
  save_safetensors(path_, {});
  const SafetensorsFile file(path_);
  EXPECT_TRUE(file.tensors().empty());
}

TEST_F(Safetensors, RejectDuplicateNamesAndWrongSizesWhenWriting) {
  const std::vector<float> value{1};
  const auto one = stored_tensor<float>("a", std::array<std::int64_t, 1>{1}, value);
  const auto wrong = stored_tensor<float>("b", std::array<std::int64_t, 1>{2}, value);
  EXPECT_THROW(save_safetensors(path_, std::vector{one, one}), DefectError);
  EXPECT_THROW(save_safetensors(path_, std::vector{wrong}), DefectError);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Safetensors, ReadIntoTheCallersMemory) {
  save_safetensors(path_, sample_.tensors());
  const SafetensorsFile file(path_);
  std::vector<float> kernel(6);
  file.read<float>("conv2d/kernel", std::array<std::int64_t, 2>{2, 3}, kernel);
  EXPECT_EQ(kernel[3], 3.0F);
  EXPECT_THAT(error_of<CheckpointError>([&] {
                file.read<float>("conv2d/kernel", std::array<std::int64_t, 2>{3, 2}, kernel);
              }),
              HasSubstr("tensor \"conv2d/kernel\" is F32 [2, 3], the model has F32 [3, 2]"));
  std::vector<double> wide(6);
  EXPECT_THROW(file.read<double>("conv2d/kernel", (std::array<std::int64_t, 2>{2, 3}), wide),
               CheckpointError);
  EXPECT_THAT(error_of<CheckpointError>([&] { file.read<float>("absent", {}, kernel); }),
              HasSubstr("holds no tensor \"absent\""));
}

TEST_F(Safetensors, RejectEveryTruncation) {
  save_safetensors(path_, sample_.tensors(), {{"key", "value"}});
  const std::string whole = read_text(path_);
  for (std::size_t size = whole.size(); size-- > 0;) {
    std::filesystem::resize_file(path_, size);
    EXPECT_THROW(SafetensorsFile{path_}, CheckpointError) << size << " of " << whole.size() << " bytes";
  }
  test::write_text(path_, whole + "x");
  EXPECT_THAT(error_of<CheckpointError>([&] { SafetensorsFile{path_}; }),
              HasSubstr("1 bytes after the last tensor"));
}

TEST_F(Safetensors, NeverLeaveTheFileWhateverBitFlips) {
  save_safetensors(path_, sample_.tensors(), {{"key", "value"}});
  const std::string whole = read_text(path_);
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    test::write_byte(path_, bit / 8, static_cast<char>(whole[bit / 8] ^ (1 << bit % 8)));
    try {
      const SafetensorsFile file(path_);
      std::size_t total = 0;
      for (const StoredTensor& tensor : file.tensors()) {
        for (const std::byte byte : tensor.bytes) total += std::to_integer<std::size_t>(byte);
      }
      EXPECT_GT(total, 0U);
    } catch (const CheckpointError& error) {
      EXPECT_THAT(error.what(), HasSubstr(path_.string()));
      EXPECT_LT(std::string_view(error.what()).size(), 600U);
    }
    test::write_byte(path_, bit / 8, whole[bit / 8]);
  }
}

TEST_F(Safetensors, NameWhatIsWrongWithAHeader) {
  EXPECT_THAT(error_with(""), HasSubstr("no valid JSON"));
  EXPECT_THAT(error_with("[1]"), HasSubstr("must begin with {"));
  EXPECT_THAT(error_with(" {}"), HasSubstr("must begin with {"));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} x)", 4),
              HasSubstr("no valid JSON"));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})", 4),
              HasSubstr("type \"BF16\""));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F32","shape":[1]}})", 4), HasSubstr("data_offsets is missing"));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4),
              HasSubstr("needs two"));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", 4),
              HasSubstr("needs two"));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})", 4),
              HasSubstr("unknown field \"x\""));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4),
              HasSubstr("duplicate field"));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
              HasSubstr("negative"));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4),
              HasSubstr("no 64-bit"));
  EXPECT_THAT(error_with(R"({"__metadata__":{"a":1}})"), HasSubstr("holds a number"));
  EXPECT_THAT(error_with("{\"\xff\":null}"), HasSubstr("no valid JSON"));
}

TEST_F(Safetensors, RejectAHeaderLongerThanTheFile) {
  test::write_text(path_, std::string("\x10\0\0\0\0\0\0\0{}", 10));
  EXPECT_THAT(error_of<CheckpointError>([&] { SafetensorsFile{path_}; }),
              HasSubstr("announces a header of 16 bytes, and 2 bytes follow"));
}

TEST_F(Safetensors, RejectOverlapsGapsAndDuplicates) {
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                         R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
                         6),
              HasSubstr("overlap"));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                         R"("b":{"dtype":"F32","shape":[1],"data_offsets":[5,9]}})",
                         9),
              HasSubstr("leave a gap"));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                         R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                         8),
              HasSubstr("duplicate tensor"));
}

TEST_F(Safetensors, RejectSizesThatOverflow) {
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}})", 4),
              HasSubstr("do not hold"));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}})"),
              HasSubstr("do not hold"));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[18446744073709551615,0]}})"),
              HasSubstr("truncated, or a wrong offset"));
  EXPECT_THAT(error_with(R"({"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}})", 1),
              HasSubstr("no 64-bit integer"));
  EXPECT_THAT(
      error_with(R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})",
                 1),
      HasSubstr("more than 16 axes"));
}

TEST_F(Safetensors, EndHostileHeadersAtOnce) {
  EXPECT_THAT(error_with(std::string(5'000'000, '[')), HasSubstr("must begin with {"));
  std::string nested = R"({"a":)";
  for (int i = 0; i < 1'000'000; ++i) nested += R"({"a":)";
  EXPECT_THAT(error_with(nested), HasSubstr("unknown field"));
  EXPECT_LT(error_with("{\"" + std::string(1'000'000, 'n') + "\":1}").size(), 400U);
  std::string announces_too_much(16, '\xff');
  test::write_text(path_, announces_too_much);
  EXPECT_THAT(error_of<CheckpointError>([&] { SafetensorsFile{path_}; }), HasSubstr("announces a header"));
}

TEST_F(Safetensors, LeaveNoPartialFileOnAFullDisk) {
  const std::vector<float> large(100'000, 1.0F);
  const auto tensor = stored_tensor<float>("a", std::array<std::int64_t, 1>{100'000}, large);
  const test::FileSizeLimit limit(100'000);
  EXPECT_THROW(save_safetensors(path_, std::vector{tensor}), CheckpointError);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

}  // namespace
}  // namespace convoy
