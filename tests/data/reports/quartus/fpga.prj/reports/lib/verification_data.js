var verifJSON={"name":"Verification statistics","functions":[{"name":"top","data":["32","9,12,10","1,2,1"]}]};
