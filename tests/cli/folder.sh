#!/bin/sh
# Pipelines' folders with missing and odd parts: what has a default works, the rest is one line that names file and field.
. "$2/tests/cli/common.sh"
emoji=$source/models/emoji

# odd NAME PATH...: the demo's folder in links, but for these, which are not there
odd() {
    name=$1
    shift
    mkdir "$name"
    for part in "$emoji"/*; do
        case ${part##*/} in
        reference | train | *.md | LICENSE) ;;
        *.json) ln -s "$part" "$name" ;;
        *) mkdir "$name/${part##*/}" && ln -s "$part"/* "$name/${part##*/}" ;;
        esac
    done
    for path; do
        rm -r "$name/$path"
    done
}

# put FILE TEXT
put() { echo "$2" >"$1"; }

try() { expect "$1" "$2" "$sdc" compile "$3" -o out/odd --quiet; }

odd scheduler scheduler
try 2 'scheduler/scheduler_config\.json: .*No such file' scheduler
mkdir scheduler/scheduler
put scheduler/scheduler/scheduler_config.json '{"_class_name": "FancyScheduler", "beta_start": 0.1}'
try 3 'scheduler/scheduler_config\.json: .*FancyScheduler' scheduler
put scheduler/scheduler/scheduler_config.json '{"beta_start": 0.1}'
try 2 'scheduler/scheduler_config\.json: .*_class_name' scheduler
put scheduler/scheduler/scheduler_config.json '{"_class_name": "DDIMScheduler", "beta_start": "little"}'
try 2 'scheduler/scheduler_config\.json: .*beta_start' scheduler
put scheduler/scheduler/scheduler_config.json '{"_class_name": "DDIMScheduler", "beta_schedule": "steep"}'
try 3 'scheduler/scheduler_config\.json: .*beta_schedule' scheduler

# What a sampler can not run with: FIELDS|EXIT|MESSAGE.
while IFS='|' read -r fields code message; do
    put scheduler/scheduler/scheduler_config.json "{$fields}"
    try "$code" "scheduler/scheduler_config\.json: .*$message" scheduler
done <<END
"_class_name": "DDIMScheduler", "beta_start": -1.0|2|beta_start: -1 is not above 0 and below 1
"_class_name": "DDIMScheduler", "beta_end": 1.5|2|beta_end: 1\.5 is not above 0 and below 1
"_class_name": "DDIMScheduler", "beta_end": NaN|2|beta_end: nan is not above 0 and below 1
"_class_name": "DDIMScheduler", "steps_offset": -1|2|steps_offset: -1 is not from 0 to 1000000
"_class_name": "DDIMScheduler", "num_train_timesteps": 1|2|num_train_timesteps: 1 is not from 2 to 1000000
"_class_name": "DDIMScheduler", "trained_betas": [0.1, 0.2]|2|trained_betas has 2 values for 1000
"_class_name": "DDPMScheduler", "variance_type": "learned"|3|variance_type: a StableDiffusionPipeline's network predicts no variances
"_class_name": "DDPMScheduler", "variance_type": "learned_range"|3|variance_type: a StableDiffusionPipeline's network predicts no variances
"_class_name": "DDPMScheduler", "variance_type": "fixed_large_log"|3|variance_type "fixed_large_log" is not supported
"_class_name": "PNDMScheduler", "prediction_type": "sample"|3|prediction_type "sample" is not supported
"_class_name": "FlowMatchEulerDiscreteScheduler"|3|does flow matching, which a StableDiffusionPipeline is not trained for
END
put scheduler/scheduler/scheduler_config.json '{"_class_name": "DDIMScheduler", "beta_start": null}'
expect 3 'default scheduler=dpmpp_2m,algorithm_type=dpmsolver: .*needs final_sigmas_type' "$sdc" compile scheduler -o out/odd \
    --quiet --default scheduler=dpmpp_2m,algorithm_type=dpmsolver
expect 1 'default scheduler=flow_euler: .*does flow matching' "$sdc" compile scheduler -o out/odd --quiet \
    --default scheduler=flow_euler
expect 1 '--crop: is for SDXL, not for a StableDiffusionPipeline' "$sdc" compile scheduler -o out/odd --quiet --default crop=1,2
expect 1 'StableDiffusionPipeline takes no --depth-map' "$sdc" compile scheduler -o out/odd --quiet --default depth-map=a.png
expect 1 'StableDiffusionPipeline takes no --noise-level' "$sdc" compile scheduler -o out/odd --quiet --default noise-level=0

odd unet unet/model.onnx
try 2 'unet/model\.onnx: is missing; the pipeline needs it' unet
put unet/unet/diffusion_pytorch_model.safetensors x
try 2 "unet/model\.onnx: is missing; diffusion_pytorch_model\.safetensors there are PyTorch's weights" unet
rm unet/unet/config.json
put unet/unet/config.json '{"sample_size": "large"}'
try 2 'unet/config\.json: sample_size is not a whole number' unet
put unet/unet/config.json '{"sample_size": -4}'
try 2 'unet/config\.json: sample_size is not a whole number from 1 to 8192' unet
put unet/unet/config.json '{"sample_size": 16, "patch_size": "2"}'
try 2 'unet/config\.json: patch_size is not a whole number' unet
put unet/unet/config.json '{"sample_size": 16, "num_class_embeds": "ten"}'
try 2 'unet/config\.json: num_class_embeds is not a whole number' unet
put unet/unet/config.json '[]'
try 2 'unet/config\.json: ' unet

# What scales latents: FIELD|MESSAGE.
odd vae vae_decoder/config.json
while IFS='|' read -r field message; do
    put vae/vae_decoder/config.json "{$field, \"latent_channels\": 16}"
    try 2 "vae_decoder/config\.json: $message" vae
done <<END
"scaling_factor": 0|scaling_factor is not a number above 0
"scaling_factor": -1|scaling_factor is not a number above 0
"scaling_factor": "abc"|scaling_factor is not a number above 0
"scaling_factor": [1]|scaling_factor is not a number above 0
"scaling_factor": NaN|scaling_factor is not a number above 0
"shift_factor": "a"|shift_factor is not a finite number
"shift_factor": Infinity|shift_factor is not a finite number
"block_out_channels": "x"|block_out_channels is not a list of 1 to 16 whole numbers above 0
"block_out_channels": []|block_out_channels is not a list
"block_out_channels": [64, 0]|block_out_channels is not a list
"latents_mean": [1, 2]|latents_mean is not a list of 16 numbers, one for each of latent_channels
"latents_std": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]|latents_std is not a number above 0
END
put vae/vae_decoder/config.json '{"latent_channels": 1.5}'
try 2 'vae_decoder/config\.json: latent_channels is not a whole number from 1 to 256' vae

models
odd axes unet/model.onnx
cp tiny.onnx axes/unet/model.onnx
try 3 "unet/model\.onnx: free axes: 'x' axis 0 is 'batch', which nothing of the pipeline tells; export" axes
# the shape of a Reshape is an input
"$wire" "1=8 8{2=17} 7{1{1'x'1's'2'y'3'r'4'Reshape'}2'g'11{1'x'2{1{1=1 2{1{1=2}1{1=3}}}}}11{1's'2{1{1=7 2{1{1=2}}}}}12{1'y'2{1{1=1 2{1{1=3}1{1=2}}}}}}" axes/unet/model.onnx
try 3 "unet/model\.onnx: node 'r' \(Reshape\): input 1 .* depends on run-time data; export the model with it as a constant" axes

odd words tokenizer/merges.txt
try 2 'tokenizer/merges\.txt: ' words
rm words/tokenizer/vocab.json
printf '[PAD]\n[UNK]\n[CLS]\nthe\n' >words/tokenizer/vocab.txt
rm words/tokenizer/*.json
try 2 "tokenizer: sep_token is '\[SEP\]', which vocab\.txt does not have" words
put words/tokenizer/tokenizer_config.json '{"sep_token": 7}'
try 2 'tokenizer: sep_token is not a token' words
put words/tokenizer/tokenizer_config.json '{"sep_token": "[CLS]", "mask_token": "the", "do_lower_case": 1}'
try 2 'tokenizer/tokenizer_config\.json: do_lower_case' words

rm -r words/tokenizer/*
try 2 'words/tokenizer: no tokenizer; it can be a tokenizer\.json, .*vocab\.json with merges\.txt' words
rm -r words/tokenizer
try 2 'words/tokenizer: no tokenizer; ' words

# merges.txt that was cut short, and positions: no limit, too large a limit, and ones that the encoder does not have.
odd merges tokenizer/merges.txt tokenizer/tokenizer_config.json text_encoder/config.json
: >merges/tokenizer/merges.txt
try 2 "tokenizer/merges\.txt: 0 merges, of which none makes 'in' of vocab\.json .*copy the file again" merges
head -c 300 "$emoji/tokenizer/merges.txt" >merges/tokenizer/merges.txt
try 2 'tokenizer/merges\.txt: ' merges
cp "$emoji/tokenizer/merges.txt" merges/tokenizer
put merges/text_encoder/config.json '{"max_position_embeddings": "many"}'
try 2 'text_encoder/config\.json: max_position_embeddings is not a whole number' merges
put merges/text_encoder/config.json '{"max_position_embeddings": 1}'
try 2 'text_encoder/config\.json: a max_position_embeddings of 1' merges
cp "$emoji/text_encoder/config.json" merges/text_encoder/config.json
for length in 512 1000000000000000019884624838656; do
    put merges/tokenizer/tokenizer_config.json "{\"model_max_length\": $length}"
    check "a limit of $length" "$sdc" compile merges -o merges.exe --quiet
    check "its picture" ./merges.exe "a crab" --steps 2 --quiet -o merges.png
done

# tokenizer.json, as transformers 5 saves it; it counts before older files.
odd json tokenizer/merges.txt tokenizer/tokenizer_config.json tokenizer/special_tokens_map.json
saved=$source/tests/tokenizer/saved
gzip -dc "$saved/tokenizer.json.gz" >json/tokenizer/tokenizer.json
cp "$saved/tokenizer_config.json" json/tokenizer
check "tokenizer.json" "$sdc" compile json -o json.exe --quiet
check "its picture" ./json.exe "a crab" --steps 2 --quiet -o json.png
sed -i 's/"Lowercase"/"Strip"/' json/tokenizer/tokenizer.json
try 3 "tokenizer/tokenizer\.json: normalizer\.normalizers\.2\.type: 'Strip' is not supported; CLIP's is 'Lowercase'" json

# Variations: the image encoder's statistics.
odd vary model_index.json
put vary/model_index.json '{"_class_name": "StableUnCLIPImg2ImgPipeline"}'
try 2 'image_noising_scheduler/scheduler_config\.json: .*No such file' vary
ln -s scheduler vary/image_noising_scheduler
try 2 'image_normalizer/diffusion_pytorch_model\.safetensors: ' vary
mkdir vary/image_normalizer
tensors() { { printf "\\$(printf %o ${#1})\\000\\000\\000\\000\\000\\000\\000%s" "$1"; printf 12345678; } >vary/image_normalizer/diffusion_pytorch_model.safetensors; }
tensors '{"mean":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
try 2 "safetensors: no tensor 'std'" vary
tensors '{"mean":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"std":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
try 2 "safetensors: 2 values of 'std'" vary
tensors '[1]'
try 2 'diffusion_pytorch_model\.safetensors: ' vary

odd class model_index.json
put class/model_index.json '{"_class_name": "KandinskyPipeline"}'
try 3 'pipelines of class KandinskyPipeline are not supported' class

odd steered unet/model.onnx
ln -s "$source/tests/pipelines/networks/tiny-lcm/unet/model.onnx" steered/unet
try 2 "unet/model\.onnx: input 'down_block_additional_residuals\.0' is .*, but steered/controlnet/model\.onnx is missing" steered

# Every name that a class has in diffusers, of its tasks, and in optimum: what the folder lacks is another matter.
mkdir named
for class in StableDiffusion StableDiffusionImg2Img StableDiffusionInpaint StableDiffusionControlNet \
    StableDiffusionControlNetImg2Img StableDiffusionControlNetInpaint LatentConsistencyModel LatentConsistencyModelImg2Img StableUnCLIP \
    StableDiffusionXL StableDiffusionXLImg2Img StableDiffusionXLInpaint StableDiffusionXLControlNet \
    StableDiffusionXLControlNetImg2Img StableDiffusionXLControlNetInpaint StableDiffusion3 StableDiffusion3Img2Img \
    StableDiffusion3Inpaint StableDiffusion3ControlNet; do
    for maker in '' ORT Onnx; do
        put named/model_index.json '{"_class_name": "'$maker${class}Pipeline'"}'
        expect 2 'named/vae_decoder/config\.json' "$sdc" compile named -o out/no.exe
    done
done

# A class by its exporter's name, no safety checker, no feature extractor, half-precision names, PyTorch's weights beside
# the graphs, a class of scheduler that another sampler is chosen for, fields left out.
odd good model_index.json scheduler/scheduler_config.json
put good/model_index.json '{"_class_name": "ORTStableDiffusionPipeline"}'
put good/scheduler/scheduler_config.json '{"_class_name": "FancyScheduler"}'
mv good/unet/model.onnx good/unet/model_fp16.onnx
put good/unet/diffusion_pytorch_model.bin x
put good/text_encoder/pytorch_model.bin x
check "an odd folder" "$sdc" compile good -o good.exe --default scheduler=ddim
check "its picture" ./good.exe "a crab" --steps 2 --quiet -o crab.png
[ -s crab.png ] || fail "no picture"
expect 1 '--mask needs the picture' ./good.exe "a crab" --mask crab.png
expect 1 '--scheduler ddim,num_train_timesteps=0: .*num_train_timesteps: 0 is not' ./good.exe "a crab" --scheduler ddim,num_train_timesteps=0
expect 1 '--scheduler dpmpp_2m,algorithm_type=dpmsolver: .*needs final_sigmas_type' ./good.exe "a crab" \
    --scheduler dpmpp_2m,algorithm_type=dpmsolver
expect 1 '--scheduler flow_euler: .*does flow matching' ./good.exe "a crab" --scheduler flow_euler
expect 1 'takes no --noise-level' ./good.exe "a crab" --noise-level 3
expect 1 'takes no --depth-map' ./good.exe "a crab" --depth-map crab.png
expect 1 '--latents and --init-image' ./good.exe "a crab" --latents a.npy --init-image crab.png
expect 2 'mask\.txt' ./good.exe "a crab" --init-image crab.png --mask mask.txt --quiet -o out/no.png

# A decoder of f16 that leaves its range: one colour, but in f32, which force_upcast asks for.
half='5{1=1 2=10 8'"'w'"'9#537b}'                           # 60000
odd narrow vae_decoder/model.onnx
"$wire" "1=8 8{2=17} 7{1{1'latent_sample'2'a'4'Cast'5{1'to'3=10 20=2}}1{1'a'1'w'2'b'4'Mul'}1{1'b'1'w'2'c'4'Mul'}1{1'c'1'c'1'c'1'c'2'd'4'Concat'5{1'axis'3=1 20=2}}1{1'd'2'e'4'DepthToSpace'5{1'blocksize'3=8 20=2}}1{1'e'1'w'2'i'4'Div'}1{1'i'1'w'2'f'4'Div'}1{1'f'1'f'1'f'2'g'4'Concat'5{1'axis'3=1 20=2}}1{1'g'2'sample'4'Cast'5{1'to'3=1 20=2}}2'g'$half 11{1'latent_sample'2{1{1=1 2{1{2'b'}1{1=16}1{2'h'}1{2'w'}}}}}12{1'sample'2{1{1=1 2{1{2'b'}1{1=3}1{2'H'}1{2'W'}}}}}}" narrow/vae_decoder/model.onnx
sed 's/"force_upcast": false/"force_upcast": true/' "$emoji/vae_decoder/config.json" >wide.json
cp "$emoji/vae_decoder/config.json" narrow.json
for type in narrow wide; do
    rm narrow/vae_decoder/config.json
    cp $type.json narrow/vae_decoder/config.json
    check "a decoder of f16, $type" "$sdc" compile narrow -o $type.exe --quiet
    check "its picture, $type" ./$type.exe "a crab" --steps 2 --quiet -o $type.png
done
[ "$(wc -c <wide.png)" -gt $(($(wc -c <narrow.png) + 2000)) ] || fail "force_upcast did not save the picture"

# The same of the decoder alone, whose folder's own config.json says it, and of one whose part says otherwise.
latents() { ./narrow.exe "a crab" --steps 2 --quiet --save-latents latents.npy -o out/any.png; rm -f out/any.png; }
check "latents" latents
for type in narrow wide; do
    mkdir -p alone/vae_decoder
    cp narrow/vae_decoder/model.onnx alone/vae_decoder
    cp $type.json alone/config.json
    check "an autoencoder of f16, $type" "$sdc" compile alone -o alone.exe --quiet
    check "what it decodes, $type" ./alone.exe decode latents.npy -o alone-$type.png
done
[ "$(wc -c <alone-wide.png)" -gt $(($(wc -c <alone-narrow.png) + 2000)) ] || fail "config.json's force_upcast is not read"
cp narrow.json alone/vae_decoder/config.json
check "a part that says otherwise" "$sdc" compile alone -o alone.exe --quiet
check "what that decodes" ./alone.exe decode latents.npy -o alone-part.png
[ "$(wc -c <alone-part.png)" = "$(wc -c <alone-narrow.png)" ] || fail "the part's own force_upcast does not count"
check "a mask" ./good.exe "a frog" --steps 4 --strength 0.5 --init-image crab.png --mask crab.png --quiet -o frog.png
finish
